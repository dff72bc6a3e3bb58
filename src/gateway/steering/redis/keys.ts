// Where processes of a bot tell of themselves in Redis, and where they are told. All keys are of one slot.

/** How often a process writes its report. */
export const REPORT_MS = 2_000
/** How long a report stands when its process is gone. */
export const REPORT_LASTS_MS = 10_000

/** @param prefix the same for every process of a bot, another for each bot */
export function steeringKeys(prefix: string) {
  const tag = `{${prefix}:nodes}`
  return {
    /** Set: the names of processes that have reported; some may be gone. */
    names: `${tag}:names`,
    reportOf: (node: string) => `${tag}:report:${node}`,
    /** Channels. */
    ordersOf: (node: string) => `${tag}:orders:${node}`,
    answersOf: (id: string) => `${tag}:answers:${id}`,
  }
}
