/** Names of columns that have to differ. */

/** Each name once: the second `a` is `a.1`, the third `a.2`, and so on past names that are taken. */
export const uniqueNames = (names: readonly string[]): string[] => distinctNames(names, (name) => name, '.');

/** As DuckDB wants them, which does not tell `a` from `A`: the second one is `A_1`. */
export const uniqueIdentifiers = (names: readonly string[]): string[] =>
  distinctNames(
    names.map((name) => name.replaceAll('\0', '')),
    (name) => name.toLowerCase(),
    '_',
  );

function distinctNames(
  names: readonly string[],
  folded: (name: string) => string,
  separator: string,
): string[] {
  const given = new Set(names.map(folded));
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  const isFree = (name: string) => !taken.has(folded(name)) && !given.has(folded(name));
  return names.map((name) => {
    const key = folded(name);
    let own = name;
    for (let count = counts.get(key) ?? 1; taken.has(key) && !isFree(own); count += 1) {
      own = `${name}${separator}${count}`;
      counts.set(key, count + 1);
    }
    taken.add(folded(own));
    return own;
  });
}
