/**
 * What a statement of a client may be: one SELECT on the table `data`, without any way to files, settings, the catalog
 * or other tables. It is judged by DuckDB's own parse of it, and everything that is not known to be harmless is
 * refused.
 */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import type { Database } from '../database.js';
import {
  allowedFunctions,
  allowedTableFunctions,
  patterned,
  refusedNames,
  growingFunctions,
  growingMax,
  sizedFunctions,
  sizeMax,
  textMax,
  textualFunctions,
} from './sql-functions.js';

/** The name of the session's table in a statement. */
export const tableName = 'data';

export interface Judged {
  /** The statement as DuckDB writes it, without comments. */
  readonly sql: string;
  /** Whether it begins with WITH. */
  readonly hasTables: boolean;
}

const parsedSchema = z.discriminatedUnion('error', [
  z.object({ error: z.literal(true), error_type: z.string(), error_message: z.string() }),
  z.object({ error: z.literal(false), statements: z.array(z.object({ node: z.unknown() })) }),
]);

/**
 * @param columns of the table `data`
 * @throws data_error that says what is not allowed, or what cannot be parsed
 */
export async function judged(
  database: Database,
  query: string,
  columns: readonly string[],
  signal?: AbortSignal,
): Promise<Judged> {
  if (query.includes('\0')) throw refused('a statement has no NUL in it');
  const known = new Set(columns.map((name) => name.toLowerCase()));
  const first = await parse(database, query, signal);
  new Guard(known).node(first, new Set());
  const written = 'SELECT json_deserialize_sql(json_serialize_sql($1::VARCHAR))';
  const [sql] = await database.row(written, [query], signal);
  if (typeof sql !== 'string') throw refused('it could not be read');
  // What is run is this text, so it is judged too: it need not be what was parsed.
  const second = await parse(database, sql, signal);
  new Guard(known).node(second, new Set());
  const hasTables = tablesOf(second).length > 0;
  if (hasTables !== /^WITH /.test(sql)) throw refused('it could not be read');
  return { sql, hasTables };
}

async function parse(database: Database, query: string, signal: AbortSignal | undefined): Promise<Tree> {
  const [text] = await database.row('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR', [query], signal);
  const parsed = parsedSchema.parse(JSON.parse(typeof text === 'string' ? text : ''));
  if (parsed.error) {
    const onlySelect = /^Only SELECT/.test(parsed.error_message);
    throw onlySelect ? refused('only SELECT is allowed') : unreadable(parsed.error_message);
  }
  const [statement, ...further] = parsed.statements;
  if (!isTree(statement?.node) || further.length > 0) throw refused('give one statement');
  return statement.node;
}

const refused = (why: string): SojournError =>
  new SojournError('data_error', `The statement is refused: ${why}.`, { refused: why });

const unreadable = (message: string): SojournError =>
  new SojournError('data_error', `The statement cannot be parsed: ${message}`);

interface Tree {
  readonly [key: string]: unknown;
}
const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textAt = (tree: Tree, key: string): string => {
  const value = tree[key];
  return typeof value === 'string' ? value : '';
};

/** Expressions of any shape; those with names in them are looked at more closely. */
const expressions = new Set([
  'BETWEEN',
  'CASE',
  'CAST',
  'COLLATE',
  'COLUMN_REF',
  'COMPARISON',
  'CONJUNCTION',
  'CONSTANT',
  'FUNCTION',
  'LAMBDA',
  'OPERATOR',
  'PARAMETER',
  'POSITIONAL_REFERENCE',
  'STAR',
  'SUBQUERY',
  'WINDOW',
]);

/** Everything else that has a type: statements, what stands behind FROM, orders and limits. */
const others = new Set([
  'SELECT_NODE',
  'SET_OPERATION_NODE',
  'BASE_TABLE',
  'EMPTY',
  'EXPRESSION_LIST',
  'JOIN',
  'PIVOT',
  'SUBQUERY',
  'TABLE_FUNCTION',
  'DISTINCT_MODIFIER',
  'LIMIT_MODIFIER',
  'LIMIT_PERCENT_MODIFIER',
  'ORDER_MODIFIER',
  'ASCENDING',
  'DESCENDING',
  'ORDER_DEFAULT',
]);

const words: Readonly<Record<string, string>> = {
  RECURSIVE_CTE_NODE: 'WITH RECURSIVE',
  SHOW_REF: 'SHOW, DESCRIBE and SUMMARIZE',
  DEFAULT: 'DEFAULT',
};

const depthMax = 500;

class Guard {
  private depth = 0;
  private lambdas = 0;
  private growing = 0;

  constructor(private readonly columns: ReadonlySet<string>) {}

  /** @param tables the tables of WITH that can be seen here, in lower case */
  node(tree: Tree, tables: ReadonlySet<string>): void {
    this.depth += 1;
    const isLambda = tree.class === 'LAMBDA' ? 1 : 0;
    this.lambdas += isLambda;
    if (this.lambdas > 1) throw refused('a lambda cannot stand inside of another: nothing would end it');
    if (this.depth > depthMax) throw refused('it is nested too deeply');
    const seen = this.withTables(tree, tables);
    this.kind(tree);
    if (tree.type === 'BASE_TABLE') this.table(tree, seen);
    const isFunction = tree.type === 'TABLE_FUNCTION';
    for (const [key, value] of Object.entries(tree)) {
      if (key === 'cte_map') continue;
      if (isFunction && key === 'function' && isTree(value)) this.tableFunction(value, seen);
      else this.value(value, seen);
    }
    this.lambdas -= isLambda;
    this.depth -= 1;
  }

  private value(value: unknown, tables: ReadonlySet<string>): void {
    if (Array.isArray(value)) for (const item of value) this.value(item, tables);
    else if (isTree(value)) this.node(value, tables);
  }

  /** Each of them sees those before it, and the statement sees all. */
  private withTables(tree: Tree, tables: ReadonlySet<string>): ReadonlySet<string> {
    const seen = new Set(tables);
    for (const entry of tablesOf(tree)) {
      const name = textAt(entry, 'key');
      const lower = name.toLowerCase();
      if (lower === tableName)
        throw refused(`${tableName} is the session's table; call yours by another name`);
      if (
        !/^[a-z_][a-z0-9_]{0,62}$/.test(lower) ||
        /^(s\d+|duckdb_|pg_|sqlite_|pragma_|__sojourn_)/.test(lower)
      )
        throw refused(`a table of WITH cannot be called '${name.slice(0, 60)}'`);
      this.value(entry.value, seen);
      seen.add(lower);
    }
    return seen;
  }

  private kind(tree: Tree): void {
    const { class: family, type } = tree;
    if (typeof family === 'string') {
      if (!expressions.has(family)) throw refused(`${words[family] ?? family} is not allowed`);
      if (family === 'FUNCTION' || family === 'WINDOW') this.called(tree, allowedFunctions, true);
      if (family === 'COLUMN_REF') this.column(tree);
    } else if (typeof type === 'string' && !others.has(type) && !type.endsWith('_TYPE_INFO'))
      throw refused(`${words[type] ?? type} is not allowed`);
    else if (type === 'UNBOUND_TYPE_INFO' && (textAt(tree, 'catalog') || textAt(tree, 'schema')))
      throw refused('types are given without a schema');
  }

  private table(tree: Tree, tables: ReadonlySet<string>): void {
    const name = textAt(tree, 'table_name');
    const lower = name.toLowerCase();
    if (textAt(tree, 'schema_name') || textAt(tree, 'catalog_name') || tree.at_clause)
      throw refused(`only ${tableName} and the tables of WITH can be read, without a schema or AT`);
    if (lower !== tableName && !tables.has(lower))
      throw refused(`there is no table '${name.slice(0, 60)}': the session's table is called ${tableName}`);
  }

  private tableFunction(call: Tree, tables: ReadonlySet<string>): void {
    if (call.class !== 'FUNCTION') throw refused('only a function can stand there');
    this.called(call, allowedTableFunctions, false);
    for (const value of Object.values(call)) this.value(value, tables);
  }

  private called(call: Tree, allowed: ReadonlySet<string>, sized: boolean): void {
    const name = textAt(call, 'function_name');
    const lower = name.toLowerCase();
    const schema = textAt(call, 'schema');
    if (textAt(call, 'catalog') || (schema && schema !== 'main')) throw refused('functions have no schema');
    if (!allowed.has(name) && !allowed.has(lower))
      throw refused(`the function ${name.slice(0, 60)} is not allowed`);
    if (sized) this.size(call, lower);
    if (sized) this.growth(call, lower);
    if (patterned.has(lower) && !isShortPattern(argumentsOf(call)[0]))
      throw refused(`${lower} takes a pattern that stands in the statement itself, with widths below 1000`);
  }

  private size(call: Tree, name: string): void {
    const args = argumentsOf(call);
    for (const place of sizedFunctions.get(name) ?? []) {
      const given = args[place];
      if (given !== undefined && !isSmall(given))
        throw refused(`${name} takes a number up to ${sizeMax} that stands in the statement itself`);
    }
  }

  private growth(call: Tree, name: string): void {
    if (!growingFunctions.has(name)) return;
    this.growing += 1;
    if (this.growing > growingMax)
      throw refused(`at most ${growingMax} functions that make texts longer stand in one statement`);
    const place = textualFunctions.get(name);
    const given = place === undefined ? undefined : argumentsOf(call)[place];
    if (given !== undefined && !isShortText(given))
      throw refused(`${name} takes a text up to ${textMax} characters that stands in the statement itself`);
  }

  private column(tree: Tree): void {
    const names: readonly unknown[] = Array.isArray(tree.column_names) ? tree.column_names : [];
    const [name] = names;
    if (names.length !== 1 || typeof name !== 'string') return;
    const lower = name.toLowerCase();
    if (refusedNames.has(lower) && !this.columns.has(lower)) throw refused(`${lower} is not allowed`);
  }
}

const tablesOf = (tree: Tree): readonly Tree[] => {
  const map = isTree(tree.cte_map) ? tree.cte_map.map : [];
  return Array.isArray(map) ? map.filter(isTree) : [];
};

const argumentsOf = (call: Tree): readonly unknown[] => (Array.isArray(call.children) ? call.children : []);

/** What stands in the statement itself; undefined for what is computed. */
const constant = (argument: unknown): unknown =>
  isTree(argument) && argument.class === 'CONSTANT' && isTree(argument.value)
    ? argument.value.value
    : undefined;

function isShortPattern(argument: unknown): boolean {
  const value = constant(argument);
  return typeof value === 'string' && !/\d{4}|\*|\{[^}]*\{/.test(value);
}

function isShortText(argument: unknown): boolean {
  const value = constant(argument);
  return typeof value === 'string' && value.length <= textMax;
}

function isSmall(argument: unknown): boolean {
  const value = constant(argument);
  return typeof value === 'number' && Math.abs(value) <= sizeMax;
}
