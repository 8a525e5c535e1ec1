/**
 * The rules of tidy.test.ts as pure functions on a file's name and text. Each gives the places where the rule is
 * broken, every one with what to do instead.
 */

import { homedir } from 'node:os';

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  path: string;
  text: string;
}
export type StyleRule = (file: SourceFile) => string[];

interface Ban {
  pattern: RegExp;
  /** Where it holds; everywhere when left out. */
  in?: RegExp;
  instead: string;
}

/** The places where this checkout and its user's files happen to lie. */
function machinePath(): RegExp {
  const places = [process.cwd(), homedir()].map((place) => place.replaceAll(/[^\w/]/g, String.raw`\$&`));
  return new RegExp(`(?<![\\w.-])(${places.join('|')})(?=/|['"\`\\s]|$)`);
}

const bans: Ban[] = [
  { pattern: /\bas any\b|: any\b|<any>/, instead: 'Parse with zod, or use unknown and narrow it.' },
  { pattern: /@ts-(ignore|nocheck|expect-error)/, instead: 'Fix the type.' },
  {
    pattern: /eslint-(disable|enable)/,
    instead: 'Fix what the lint found, or change the rule for everyone.',
  },
  { pattern: /prettier-ignore/, instead: 'Let prettier decide.' },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: 'Do it now, or write it down where work is planned.' },
  {
    pattern: /\b(describe|it|context)\.only\(/,
    in: /^test\//,
    instead: 'npm test -- -g TITLE runs one test.',
  },
  {
    pattern: /\b(describe|it)\.skip\(|\bx(it|describe)\(/,
    in: /^test\//,
    instead: 'Use needs (support/needs.ts).',
  },
  { pattern: /\bthis\.retries\(/, in: /^test\//, instead: 'Find out why the test fails now and then.' },
  {
    pattern:
      /\bsetTimeout\((?:[^()]|\([^()]*\))*,\s*[\d_]{3,}\)|\b(sleep|delay|pause|wait)\([\d_]{3,}\s*[,)]/,
    in: /^test\//,
    instead: 'Await an event, or drive a fake clock.',
  },
  { pattern: /@(injectable|inject)\b/, instead: 'Classes are plain; bind them in app.ts.' },
  { pattern: machinePath(), instead: 'No path of one machine: use a temporary folder.' },
];

const lineOf = (text: string, index: number) => text.slice(0, index).split('\n').length;

export const banned: StyleRule = ({ path, text }) =>
  bans
    .filter((ban) => ban.in?.test(path) ?? true)
    .flatMap((ban) =>
      [...text.matchAll(new RegExp(ban.pattern, 'g'))].map(
        (match) => `${path}:${lineOf(text, match.index)}: '${match[0]}' is banned. ${ban.instead}`,
      ),
    );

export const kebabCaseName: StyleRule = ({ path }) => {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const words = name.endsWith('.py')
    ? /^_?[a-z0-9]+(_[a-z0-9]+)*\.py$/
    : /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/;
  return words.test(name)
    ? []
    : [`${path}: name files in kebab-case (Python: snake_case) after the main thing in them.`];
};

export const shortFile: StyleRule = ({ path, text }) => {
  const lines = lineCount(text);
  return lines > 400 ? [`${path}: ${lines} lines; split it below 400, aim at 150 to 250.`] : [];
};

/** A sentence in quotes stays in one piece, so that it can be searched for. */
const isOneSentence = /^\s*(?:(?:const )?\w+(?: =|:) |return |: |\? )?(['"`]).*\1[,;)]*$/;

export const narrowLines: StyleRule = ({ path, text }) =>
  text
    .split('\n')
    .flatMap((line, index) =>
      line.length > 120 && !isOneSentence.test(line)
        ? [`${path}:${index + 1}: ${line.length} columns; break the line below 120.`]
        : [],
    );

export const openingComment: StyleRule = ({ path, text }) => {
  const opens = path.endsWith('.py') ? /^(#!.*\n)?"""\s*\S/ : /^(#!.*\n)?\/\*\*\s/;
  return opens.test(text) ? [] : [`${path}: open with a comment that says what the file is for.`];
};

/** `export const IClock = Symbol…` needs `interface IClock` (or a type) beside it: one name, one import. */
export const tokenHasInterface: StyleRule = ({ path, text }) =>
  [...text.matchAll(/^export const (I[A-Z]\w*) = Symbol/gm)]
    .map((match) => match[1] ?? '')
    .filter((name) => !new RegExp(`^export (interface|type) ${name}\\b`, 'm').test(text))
    .map((name) => `${path}: the token ${name} has no interface of its name; declare it in the same file.`);

export const interfacesLiveInTypes: StyleRule = ({ path, text }) =>
  path.startsWith('src/types/')
    ? []
    : [...text.matchAll(/^(?:export )?interface (I[A-Z]\w*)/gm)].map(
        (match) =>
          `${path}: ${match[1] ?? ''} is injected or implemented by a plugin: declare it in src/types.`,
      );

export const lineCount = (text: string): number => text.replace(/\n$/, '').split('\n').length;

/** Files that no other file imports. `entries` are reached from outside. */
export function deadFiles(files: readonly SourceFile[], entries: RegExp): string[] {
  const reached = new Set<string>();
  for (const { path, text } of files) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    for (const match of text.matchAll(/(?:from|import|import\(|new URL\()\s*'(\.[^']*)'/g)) {
      const target = new URL(`file:///${folder}/${match[1] ?? ''}`).pathname.slice(1);
      reached.add(target.replace(/\.js$/, '.ts'));
    }
  }
  return files.map(({ path }) => path).filter((path) => !reached.has(path) && !entries.test(path));
}

/** Words that make a number's meaning plain without a unit: things that are counted, and ports. */
const counted =
  /(^|_)(port|sessions|depth|length|inputs|values|turns|owner|count|entries|rows|clients|subscribers|retries)$/;
const units = /_(s|ms|bytes|percent|per_s|hours)$/;

/** The paths of numeric settings whose name tells neither a unit nor what is counted. */
export function settingsWithoutUnit(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const type: unknown = Reflect.get(schema, 'type');
  const name = path.slice(path.lastIndexOf('.') + 1);
  if (type === 'number' || type === 'integer') return units.test(name) || counted.test(name) ? [] : [path];
  const properties: unknown = Reflect.get(schema, 'properties');
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties).flatMap(([key, child]) =>
    settingsWithoutUnit(child, path === '' ? key : `${path}.${key}`),
  );
}
