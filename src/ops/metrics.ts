// A Prometheus registry whose values are read when it is scraped, so that nothing is counted twice on a hot path.

import { Counter, Gauge, Histogram, Registry } from "prom-client"
import { PlainHistogram, type PlainHistogramOptions } from "./plain-histogram.ts"

export interface MetricOptions<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly Label[]
}

export interface MetricDescription {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly labels: readonly string[]
}

export class Metrics {
  readonly #registry = new Registry()
  readonly #reads = new Set<() => void>()
  readonly #gauges: Gauge<string>[] = []
  readonly #plain: PlainHistogram[] = []
  readonly #described: MetricDescription[] = []

  readonly contentType = this.#registry.contentType

  counter<Label extends string>(options: MetricOptions<Label>): Counter<Label> {
    this.#describe("counter", options)
    return new Counter({ ...options, registers: [this.#registry] })
  }

  histogram(options: MetricOptions<never> & { readonly buckets: readonly number[] }): Histogram {
    this.#describe("histogram", options)
    return new Histogram({ ...options, buckets: [...options.buckets], registers: [this.#registry] })
  }

  /** One that is observed with every request. */
  plainHistogram(options: PlainHistogramOptions): PlainHistogram {
    this.#describe("histogram", options)
    const histogram = new PlainHistogram(options)
    this.#plain.push(histogram)
    return histogram
  }

  /** A gauge that an `onScrape` function fills each time. What is not set again, as of a shard given up, disappears. */
  gauge<Label extends string>(options: MetricOptions<Label>): Gauge<Label> {
    this.#describe("gauge", options)
    const gauge = new Gauge({ ...options, registers: [this.#registry] })
    this.#gauges.push(gauge)
    return gauge
  }

  /** Calls `read` before each scrape. Returns what ends that. */
  onScrape(read: () => void): () => void {
    this.#reads.add(read)
    return () => this.#reads.delete(read)
  }

  /** Everything in Prometheus' text format. */
  async text(): Promise<string> {
    for (const gauge of this.#gauges) empty(gauge)
    for (const read of this.#reads) read()
    const text = await this.#registry.metrics()
    return text + this.#plain.map((histogram) => histogram.text()).join("")
  }

  /** Every metric, in the order they were added; docs/metrics.md is held against it. */
  describe(): readonly MetricDescription[] {
    return this.#described
  }

  #describe(type: MetricDescription["type"], { name, labelNames = [] }: MetricOptions<string>): void {
    this.#described.push({ name, type, labels: labelNames })
  }
}

/** `reset` would leave a gauge that has no labels at 0, which is a value like any other. */
function empty(gauge: Gauge<string>): void {
  gauge.reset()
  gauge.remove({})
}
