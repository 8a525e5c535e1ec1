/**
 * The one place where wire names (snake_case) and the library's names (camelCase) meet. Only an object's own keys
 * are mapped: what the values hold (variables, mime types, options, tags) belongs to the user.
 */
import type { Camelized } from '../types/client.js';

const toCamel = (key: string) =>
  key.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
const toSnake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export function camelize<T extends object>(wire: T): Camelized<T> {
  return Object.fromEntries(
    Object.entries(wire).map(([key, value]) => [toCamel(key), value as unknown]),
  ) as Camelized<T>;
}

/** Undefined members are left out. */
export function snakeize(options: object): Record<string, unknown> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [toSnake(key), value as unknown]));
}

/** For settings, which hold nothing of the user's: objects inside are mapped too. */
export function snakeizeTree(settings: object): Record<string, unknown> {
  const mapped = Object.entries(snakeize(settings)).map(([key, value]) => {
    const isTree = typeof value === 'object' && value !== null && !Array.isArray(value);
    return [key, isTree ? snakeizeTree(value) : value];
  });
  return Object.fromEntries(mapped) as Record<string, unknown>;
}
