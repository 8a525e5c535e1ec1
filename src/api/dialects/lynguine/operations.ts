/**
 * The table of what can be asked of one session: which operation of the catalogue serves it, what of the request it
 * gets and what of its answer the client sees.
 */
import { writeReceiptSchema } from '../../../types/session.js';
import { given, isGiven, valueError } from './answers.js';
import type { Members } from './answers.js';

export interface Asking {
  readonly operation: string;
  readonly params: Record<string, unknown>;
  /** A list that comes in pages here and whole there. */
  readonly list?: string;
  /** What the client sees of the answer. */
  result(answer: Members): Members;
}

/** @throws Failure for a parameter that is missing */
type Entry = (body: Members) => Asking;

const only =
  (...names: string[]) =>
  (answer: Members): Members =>
    Object.fromEntries(names.map((name) => [name, answer[name] ?? null]));

const nothing = () => ({});

const receipt: readonly string[] = Object.keys(writeReceiptSchema.shape);

/** All but what concerns the journal. */
const allOf = (answer: Members): Members =>
  Object.fromEntries(Object.entries(answer).filter(([name]) => !receipt.includes(name)));

function require(body: Members, names: readonly string[]): Record<string, unknown> {
  if (names.every((name) => isGiven(body, name))) return given(body, names);
  throw valueError(`Missing required parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`);
}

/** Reads of the focus and of what does not depend on it. */
const plain =
  (operation: string, ...members: string[]): Entry =>
  () => ({ operation, params: {}, result: only(...members) });

const needing =
  (operation: string, names: readonly string[], result: (answer: Members) => Members): Entry =>
  (body) => ({ operation, params: require(body, names), result });

/** With one of these parameters it reads the table, without them the focus. */
const focusUnless =
  (operation: string, names: readonly string[], focus: Entry): Entry =>
  (body) => {
    const asked = given(body, names);
    return Object.keys(asked).length === 0 ? focus(body) : { operation, params: asked, result: allOf };
  };

/** Everything is handed on, and everything comes back. */
const whole =
  (operation: string): Entry =>
  (body) => ({ operation, params: { ...body }, result: allOf });

const wholes = [
  'get_slice',
  'get_column_data',
  'get_row_data',
  'filter',
  'sort',
  'stats',
  'get_unique',
  'count_nulls',
  'find_duplicates',
  'get_outliers',
];

const entries = new Map<string, Entry>([
  ['set_index', needing('set_index', ['index'], nothing)],
  ['get_index', plain('get_index', 'index')],
  ['set_column', needing('set_column', ['column'], nothing)],
  ['get_column', focusUnless('get_column', ['column'], plain('get_column', 'column'))],
  ['get_value', focusUnless('get_value', ['index', 'column'], plain('get_value', 'value'))],
  ['set_value', needing('set_value', ['value'], nothing)],
  ['get_value_at', needing('get_value_at', ['index', 'column'], only('value'))],
  ['get_shape', plain('get_shape', 'shape')],
  ['get_columns', plain('get_columns', 'columns')],
  ['get_indices', () => ({ operation: 'get_indices', params: {}, list: 'indices', result: only('indices') })],
  ['get_input_columns', plain('get_input_columns', 'columns')],
  ['get_output_columns', plain('get_output_columns', 'columns')],
  ['get_series_columns', plain('get_series_columns', 'columns')],
  ['get_column_type', needing('get_column_type', ['column'], only('column_type'))],
  ['set_selector', needing('set_selector', ['column'], nothing)],
  ['get_selector', plain('get_selector', 'selector')],
  ['set_subindex', needing('set_subindex', ['value'], nothing)],
  ['get_subindex', plain('get_subindex', 'subindex')],
  ['get_subseries', plain('get_subseries', 'subseries')],
  ...wholes.map((name): [string, Entry] => [name, whole(name)]),
  ['get_stats', whole('stats')],
]);

/** @throws Failure for an operation that is not known here, or a parameter that is missing */
export function askingFor(operation: string, body: Members): Asking {
  const entry = entries.get(operation);
  if (!entry) throw valueError(`Unknown operation: ${operation}`);
  return entry(body);
}
