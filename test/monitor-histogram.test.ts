/** Latency histograms and the hour's series: what they say against what was put in. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  bucketCount,
  bucketOf,
  highestMs,
  LatencyHistogram,
  lowerBoundMs,
  lowestMs,
} from '../src/advanced/monitor/latency-histogram.js';
import { MinuteSeries, seriesMinutes } from '../src/advanced/monitor/minute-series.js';
import { DrivenClock } from './support/driven-clock.js';

const histogramOf = (values: readonly number[]) => {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
};

/** Anything that a clock may give: as often tiny as huge. */
const latency = fc.double({ min: -14, max: 30, noNaN: true }).map((power) => 2 ** power);
const latencies = fc.array(latency, { minLength: 1, maxLength: 300 });

/** The value of the rank that `quantile` is defined by. */
function valueAt(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
}

describe('a latency histogram', () => {
  it('gives each quantile exactly to the bucket, and beside it by 3.2 % at most', () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const [told, truth] = [histogramOf(values).quantile(q)!, valueAt(values, q)];
        expect(bucketOf(told)).to.equal(bucketOf(truth));
        if (truth >= lowestMs && truth < highestMs)
          expect(Math.abs(told - truth) / truth).to.be.at.most(1 / 32);
      }),
      { numRuns: 1000 },
    );
  });

  it('adds up to the same however its values came together', () => {
    fc.assert(
      fc.property(latencies, latencies, (some, others) => {
        const merged = histogramOf(some);
        merged.merge(histogramOf(others));
        const whole = histogramOf([...some, ...others]);
        for (const q of [0, 0.5, 0.95, 0.99, 1]) expect(merged.quantile(q)).to.equal(whole.quantile(q));
        expect([merged.count, merged.maxMs]).to.deep.equal([whole.count, whole.maxMs]);
        expect(merged.sumMs).to.be.closeTo(whole.sumMs, whole.sumMs * 1e-9);
      }),
    );
  });

  it('counts what is below a power of two exactly', () => {
    fc.assert(
      fc.property(latencies, fc.integer({ min: -9, max: 26 }), (values, power) => {
        const bound = 2 ** power;
        expect(histogramOf(values).countBelow(bound)).to.equal(values.filter((ms) => ms < bound).length);
      }),
    );
  });

  it('has buckets without a gap, each at most a sixteenth wide', () => {
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const [from, to] = [lowerBoundMs(bucket), lowerBoundMs(bucket + 1)];
      expect((to - from) / from).to.be.at.most(1 / 16);
      expect([bucketOf(from), bucketOf((from + to) / 2)]).to.deep.equal([bucket, bucket]);
    }
    expect([lowerBoundMs(0), lowerBoundMs(bucketCount)]).to.deep.equal([lowestMs, highestMs]);
  });

  it('puts what no clock should give into its first or last bucket', () => {
    const odd = [NaN, -1, 0, 2 ** -11].map(bucketOf);
    expect(odd).to.deep.equal([0, 0, 0, 0]);
    expect([bucketOf(1e300), bucketOf(Infinity)]).to.deep.equal([bucketCount - 1, bucketCount - 1]);
    expect(new LatencyHistogram().quantile(0.5)).to.equal(null);
  });
});

describe('the series of the last hour', () => {
  const minute = 60_000;
  let clock: DrivenClock;
  let series: MinuteSeries;
  beforeEach(() => {
    clock = new DrivenClock(Date.parse('2026-01-01T00:00:30Z'));
    series = new MinuteSeries();
  });

  it('has a point for each minute in which anything happened, oldest first', () => {
    series.addCall(clock.now(), 10, false);
    series.addCall(clock.now(), 30, true);
    series.addBytes(clock.now(), { received: 5, sent: 7 });
    series.addSample(clock.now(), 100, 3);
    series.addSample(clock.now(), 60, 1);
    clock.advance(2 * minute);
    series.addCall(clock.now(), null, false);
    const nothing = { error_count: 0, received_bytes: 0, sent_bytes: 0, memory_bytes: 0, queue_length: 0 };
    expect(series.points(clock.now())).to.deep.equal([
      {
        at: '2026-01-01T00:00:00.000Z',
        call_count: 2,
        error_count: 1,
        received_bytes: 5,
        sent_bytes: 7,
        average_ms: 20,
        max_ms: 30,
        memory_bytes: 100,
        queue_length: 3,
      },
      { at: '2026-01-01T00:02:00.000Z', call_count: 1, average_ms: null, max_ms: null, ...nothing },
    ]);
  });

  it('forgets what is more than an hour old, whether anything came since or not', () => {
    series.addCall(clock.now(), 1, false);
    clock.advance(minute);
    series.addCall(clock.now(), 2, false);
    clock.advance((seriesMinutes - 1) * minute);
    expect(series.points(clock.now()).map(({ max_ms }) => max_ms)).to.deep.equal([2]);
    series.addCall(clock.now(), 3, false);
    expect(series.points(clock.now()).map(({ max_ms }) => max_ms)).to.deep.equal([2, 3]);
    clock.advanceDays(1);
    expect(series.points(clock.now())).to.deep.equal([]);
  });

  it('never has more points than minutes, and lives through a clock that is set back', () => {
    for (let step = 0; step < 500; step += 1) {
      series.addCall(clock.now(), 1, false);
      clock.advance(minute / 2);
    }
    expect(series.points(clock.now())).to.have.lengthOf(seriesMinutes);
    series.addCall(clock.now() - 90 * minute, 1, false);
    expect(series.points(clock.now() - 90 * minute)).to.have.length.at.most(seriesMinutes);
  });

  it('adds up minute by minute', () => {
    const other = new MinuteSeries();
    series.addCall(clock.now(), 10, false);
    series.addSample(clock.now(), 100, 1);
    clock.advance(minute);
    for (const one of [series, other]) {
      one.addCall(clock.now(), one === other ? 40 : 20, true);
      one.addSample(clock.now(), 100, 1);
    }
    const points = MinuteSeries.sum([other, series]).points(clock.now());
    expect(points.map(({ call_count, memory_bytes }) => [call_count, memory_bytes])).to.deep.equal([
      [1, 100],
      [2, 200],
    ]);
    expect(points.at(-1)).to.include({ average_ms: 30, max_ms: 40, error_count: 2, queue_length: 2 });
  });
});
