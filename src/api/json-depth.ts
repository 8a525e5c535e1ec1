/** Tells whether parsed JSON is nested too deeply to be walked by recursion, without recursion. */
export function jsonDepthExceeds(value: unknown, limit: number): boolean {
  const isContainer = (item: unknown) => typeof item === 'object' && item !== null;
  let level: unknown[] = [value];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((item) => Object.values(item ?? {}).filter(isContainer));
  }
  return false;
}
