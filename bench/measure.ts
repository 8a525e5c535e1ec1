/** Times one thing many times over: warm-up first, then p50, p99 and the sample count. */
export interface Row {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  readonly n: number;
  /** What p50 should be at most, in milliseconds. */
  readonly goal?: number;
}

export interface Plan {
  readonly name: string;
  readonly n: number;
  readonly warmUp?: number;
  readonly goal?: number;
}

export async function measure(plan: Plan, work: (index: number) => Promise<unknown>): Promise<Row> {
  for (let index = 0; index < (plan.warmUp ?? 0); index += 1) await work(-1 - index);
  const times: number[] = [];
  for (let index = 0; index < plan.n; index += 1) {
    const started = performance.now();
    await work(index);
    times.push(performance.now() - started);
  }
  return summarise(plan, times);
}

export function summarise(plan: Plan, times: readonly number[]): Row {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const goal = plan.goal === undefined ? {} : { goal: plan.goal };
  return { name: plan.name, p50: at(0.5), p99: at(0.99), n: sorted.length, ...goal };
}

export function printRows(rows: readonly Row[]): void {
  const cells = rows.map((row) => [
    row.name,
    row.p50.toFixed(3),
    row.p99.toFixed(3),
    String(row.n),
    row.goal === undefined ? '' : `≤ ${row.goal}`,
  ]);
  const table = [['', 'p50 ms', 'p99 ms', 'n', 'goal p50'], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  for (const line of table) {
    const text = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    process.stdout.write(`${text.join('  ')}\n`);
  }
}
