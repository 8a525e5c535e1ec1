/** The end of a test run in words: what was skipped and why, what failed, and one line that counts everything. */

/** Of nothing that has run yet; `skipped` holds {title, reason, count}, `failed` full titles. */
export const nothing = { passes: 0, failed: [], skipped: [] };

export const sum = (one, other) => ({
  passes: one.passes + other.passes,
  failed: [...one.failed, ...other.failed],
  skipped: [...one.skipped, ...other.skipped],
});

/** @param failedChecks names of static checks, which count as failures */
export function linesOf({ passes, failed, skipped }, failedChecks = []) {
  const pending = skipped.reduce((total, { count }) => total + count, 0);
  return [
    ...skipped.map(
      ({ title, reason, count }) =>
        `skipped: ${title} (${count} ${count === 1 ? 'test' : 'tests'}): ${reason}`,
    ),
    ...failed.map((title) => `failed: ${title}`),
    ...(failedChecks.length > 0 ? [`failed checks: ${failedChecks.join(', ')}`] : []),
    `${passes} passed, ${failed.length + failedChecks.length} failed${pending > 0 ? `, ${pending} skipped` : ''}`,
  ];
}
