/**
 * The spec reporter with an honest end: every skipped suite and test is named with its reason, and the last line
 * counts everything. Static checks that failed before (scripts/test.mjs tells which) count as failures.
 */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

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
      const seen = this.skipped.get(title) ?? { reason, count: 0 };
      this.skipped.set(title, { reason, count: seen.count + 1 });
    });
  }

  epilogue() {
    super.epilogue();
    for (const [title, { reason, count }] of this.skipped) {
      console.log(`skipped: ${title} (${count} ${count === 1 ? 'test' : 'tests'}): ${reason}`);
    }
    const failedChecks = (process.env.TEST_FAILED_CHECKS ?? '').split(',').filter((name) => name !== '');
    if (failedChecks.length > 0) console.log(`failed checks: ${failedChecks.join(', ')}`);
    const { passes, failures, pending } = this.stats;
    const tail = pending > 0 ? `, ${pending} skipped` : '';
    const line = `${passes} passed, ${failures + failedChecks.length} failed${tail}`;
    if (process.env.TEST_SUMMARY_FILE) writeFileSync(process.env.TEST_SUMMARY_FILE, line);
    console.log(line);
  }
}
