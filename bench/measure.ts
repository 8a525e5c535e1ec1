/** Measures one thing many times over: warm-up first, then p50, p99 and the sample count. */
export interface Row {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  readonly n: number;
  /** Milliseconds when left out. */
  readonly unit?: string;
  /** What p50 should be at most. */
  readonly goal?: number;
  /** What p50 should be at least: of ratios, more is better. */
  readonly goalAtLeast?: number;
}

export interface Plan extends Pick<Row, 'name' | 'unit' | 'goal' | 'goalAtLeast'> {
  readonly n: number;
  readonly warmUp?: number;
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

export function summarise(plan: Omit<Plan, 'n' | 'warmUp'>, values: readonly number[]): Row {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const { name, unit, goal, goalAtLeast } = plan;
  return { name, p50: at(0.5), p99: at(0.99), n: sorted.length, unit, goal, goalAtLeast };
}

export function printRows(rows: readonly Row[]): void {
  const cells = rows.map((row) => [
    row.name,
    row.p50.toFixed(3),
    row.p99.toFixed(3),
    row.unit ?? 'ms',
    String(row.n),
    goalOf(row),
  ]);
  const table = [['', 'p50', 'p99', 'unit', 'n', 'goal p50'], ...cells];
  const widths = [0, 1, 2, 3, 4, 5].map((column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  for (const line of table) {
    const text = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    process.stdout.write(`${text.join('  ')}\n`);
  }
}

function goalOf({ goal, goalAtLeast }: Row): string {
  if (goalAtLeast !== undefined) return `≥ ${goalAtLeast}`;
  return goal === undefined ? '' : `≤ ${goal}`;
}
