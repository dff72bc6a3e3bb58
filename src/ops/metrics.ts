// A Prometheus registry whose values are read when it is scraped, so that nothing is counted twice on a hot path.

import {
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from "prom-client"

export class Metrics {
  readonly #registry = new Registry()
  readonly #reads = new Set<() => void>()
  /** Emptied before each scrape, so that what is gone, such as a shard given up, is not shown for ever. */
  readonly #readGauges: Gauge<string>[] = []

  readonly contentType = this.#registry.contentType

  counter<Label extends string>(configuration: CounterConfiguration<Label>): Counter<Label> {
    return new Counter({ ...configuration, registers: [this.#registry] })
  }

  histogram<Label extends string>(configuration: HistogramConfiguration<Label>): Histogram<Label> {
    return new Histogram({ ...configuration, registers: [this.#registry] })
  }

  /** A gauge that is filled by an `onScrape` function each time; what is not set again disappears. */
  readGauge<Label extends string>(configuration: GaugeConfiguration<Label>): Gauge<Label> {
    const gauge = new Gauge({ ...configuration, registers: [this.#registry] })
    this.#readGauges.push(gauge)
    return gauge
  }

  /** Calls `read` before each scrape. Returns what ends that. */
  onScrape(read: () => void): () => void {
    this.#reads.add(read)
    return () => this.#reads.delete(read)
  }

  /** Everything in Prometheus' text format. */
  text(): Promise<string> {
    for (const gauge of this.#readGauges) empty(gauge)
    for (const read of this.#reads) read()
    return this.#registry.metrics()
  }

  /** Every metric's name, sorted. */
  names(): string[] {
    return this.#registry
      .getMetricsAsArray()
      .map(({ name }) => name)
      .sort()
  }
}

/** `reset` would set a gauge that has no labels to 0, which is a value like any other. */
function empty(gauge: Gauge<string>): void {
  gauge.reset()
  gauge.remove({})
}
