/**
 * Lists that the root hooks and the test files share. Mocha loads the hooks by another way than the tests, so that a
 * module may exist twice in one process; what both must see hangs on the process itself.
 */

/** The one list of this name in the process. All who name it must mean the same `T`. */
export function shared<T>(name: string): T[] {
  const key = Symbol.for(`sojourn.test.${name}`);
  const existing: unknown = Reflect.get(globalThis, key);
  if (Array.isArray(existing)) return existing as T[];
  const created: T[] = [];
  Reflect.set(globalThis, key, created);
  return created;
}
