/**
 * The spec reporter with an honest end: see summary.mjs. Where TEST_SUMMARY_FILE is set, the run is a part of a larger
 * one, and its end goes there.
 */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { linesOf } from './summary.mjs';

/** Where test/support/needs.ts leaves the reason on a suite. */
const reasonKey = Symbol.for('sojourn.skipReason');

/** The nearest suite around a test that says why it was skipped; the test itself when none does. */
function skipper(test) {
  for (let suite = test.parent; suite; suite = suite.parent) {
    if (suite[reasonKey] !== undefined) return { title: suite.fullTitle(), reason: suite[reasonKey] };
  }
  return { title: test.fullTitle(), reason: test[reasonKey] ?? 'no reason given' };
}

export default class SummaryReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    this.skipped = new Map();
    runner.on('pending', (test) => {
      const { title, reason } = skipper(test);
      const seen = this.skipped.get(title) ?? { title, reason, count: 0 };
      this.skipped.set(title, { ...seen, count: seen.count + 1 });
    });
  }

  epilogue() {
    super.epilogue();
    const failed = this.failures.map((test) => test.fullTitle());
    const summary = { passes: this.stats.passes, failed, skipped: [...this.skipped.values()] };
    if (process.env.TEST_SUMMARY_FILE) writeFileSync(process.env.TEST_SUMMARY_FILE, JSON.stringify(summary));
    else console.log(linesOf(summary).join('\n'));
  }
}
