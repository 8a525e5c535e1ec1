/** Finds the known name that a mistyped one was probably meant to be. */

/** Edit distance of two short texts (Wagner and Fischer 1974), one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Undefined when nothing is near: more than a third of the letters would have to change. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const short = name.slice(0, 100);
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(short.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.max(2, short.length / 3) ? best.candidate : undefined;
}
