/** What a statement may be: attacks that are refused, and statements that are answered. */
import { expect } from 'chai';
import { judged } from '../src/engines/data/analysis/sql-guard.js';
import {
  allowedFunctions,
  allowedTableFunctions,
  refusedFamilies,
  refusedFunctions,
} from '../src/engines/data/analysis/sql-functions.js';
import { isSojournError } from '../src/types/errors.js';
import { openTable, people } from './support/data-tables.js';
import type { DataTable } from './support/data-tables.js';

const attacks: readonly (readonly [sql: string, why: RegExp])[] = [
  ["SELECT * FROM 'people.csv'", /no table 'people.csv'/],
  ['SELECT * FROM "/etc/passwd"', /no table/],
  ["SELECT * FROM read_csv('/etc/passwd')", /read_csv is not allowed/],
  ["SELECT * FROM read_csv_auto('/etc/passwd')", /not allowed/],
  ["SELECT * FROM read_text('/etc/passwd')", /not allowed/],
  ["SELECT * FROM read_blob('/etc/passwd')", /not allowed/],
  ["SELECT * FROM READ_JSON('x.json')", /not allowed/],
  ["SELECT * FROM read_parquet('x.parquet')", /not allowed/],
  ["SELECT * FROM parquet_scan('x.parquet')", /not allowed/],
  ["SELECT * FROM parquet_metadata('x.parquet')", /not allowed/],
  ["SELECT * FROM glob('/**')", /not allowed/],
  ["SELECT * FROM sniff_csv('x')", /not allowed/],
  ["SELECT * FROM query('SELECT 1')", /query is not allowed/],
  ["SELECT * FROM query_table('s1')", /query_table is not allowed/],
  ["SELECT * FROM json_execute_serialized_sql('{}')", /not allowed/],
  ['SELECT * FROM duckdb_settings()', /not allowed/],
  ['SELECT * FROM duckdb_secrets()', /not allowed/],
  ['SELECT * FROM duckdb_tables()', /not allowed/],
  ['SELECT * FROM duckdb_tables', /no table/],
  ['SELECT * FROM pragma_version()', /not allowed/],
  ["SELECT * FROM pragma_table_info('s1')", /not allowed/],
  ['SELECT * FROM seq_scan(s1)', /not allowed/],
  ['SELECT * FROM test_all_types()', /not allowed/],
  ['SELECT * FROM repeat(1, 5)', /not allowed/],
  ["SELECT * FROM which_secret('x', 'y')", /not allowed/],
  ['SELECT * FROM enable_logging()', /not allowed/],
  ['SELECT * FROM s1', /no table 's1'/],
  ['SELECT * FROM "S1"', /no table/],
  ['SELECT * FROM main.data', /without a schema/],
  ['SELECT * FROM memory.main.s1', /without a schema/],
  ['SELECT * FROM system.information_schema.tables', /without a schema/],
  ['SELECT * FROM information_schema.tables', /without a schema/],
  ['SELECT * FROM sqlite_master', /no table/],
  ['SELECT * FROM pg_catalog.pg_class', /without a schema/],
  ['SELECT * FROM data, s1', /no table/],
  ['SELECT * FROM data JOIN s2 ON true', /no table/],
  ['SELECT (SELECT max(f0) FROM s1)', /no table/],
  ['SELECT * FROM data WHERE EXISTS (FROM s1)', /no table/],
  ['SELECT * FROM data WHERE age IN (SELECT f0 FROM s1)', /no table/],
  ['WITH t AS (SELECT * FROM s1) SELECT * FROM t', /no table/],
  ['WITH s1 AS (SELECT * FROM s1) SELECT * FROM s1', /cannot be called 's1'/],
  ['WITH t AS (SELECT * FROM t) SELECT * FROM t', /no table 't'/],
  ['WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a', /no table 'b'/],
  ['SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) x, t', /no table 't'/],
  ['WITH "x.csv" AS (SELECT 1) SELECT * FROM "x.csv"', /cannot be called/],
  ['WITH duckdb_tables AS (SELECT 1) SELECT * FROM duckdb_tables', /cannot be called/],
  ['WITH data AS (SELECT 1) SELECT * FROM data', /session's table/],
  ['WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t', /WITH RECURSIVE/],
  ['SELECT * FROM data UNION SELECT * FROM s1', /no table/],
  ['SELECT * FROM s1 PIVOT (sum(f1) FOR f0 IN (1))', /no table/],
  ['TABLE s1', /no table/],
  ['FROM s1', /no table/],
  ['SELECT * FROM data AT (VERSION => 1)', /AT/],
  ['SELECT x FROM data, LATERAL (SELECT * FROM s1) l(x)', /no table/],
  ['SELECT list_transform([1], x -> (SELECT max(f0) FROM s1))', /no table/],
  ["SELECT current_setting('memory_limit')", /current_setting is not allowed/],
  ["SELECT getvariable('x')", /not allowed/],
  ["SELECT nextval('x')", /not allowed/],
  ['SELECT txid_current()', /not allowed/],
  ['SELECT version()', /not allowed/],
  ['SELECT current_database()', /not allowed/],
  ['SELECT current_database', /not allowed/],
  ['SELECT current_user', /not allowed/],
  ['SELECT user', /not allowed/],
  ['SELECT current_schemas(true)', /not allowed/],
  ['SELECT current_query()', /not allowed/],
  ['SELECT pg_sleep(10)', /not allowed/],
  ['SELECT sleep_ms(10000)', /not allowed/],
  ["SELECT write_log('x')", /not allowed/],
  ['SELECT setseed(0.5)', /not allowed/],
  ["SELECT has_table_privilege('s1', 'select')", /not allowed/],
  ["SELECT json_serialize_plan('SELECT * FROM s1')", /not allowed/],
  ["SELECT json_serialize_sql('SELECT 1')", /not allowed/],
  ["SELECT json_deserialize_sql('{}')", /not allowed/],
  ['SELECT system.main.version()', /not allowed|schema/],
  ['SELECT main.version()', /not allowed/],
  ["SELECT pg_catalog.current_setting('x')", /schema|not allowed/],
  ["SELECT levenshtein('a', 'b')", /not allowed/],
  ['SELECT list_transform(range(9), x -> list_transform(range(9), y -> y + x))', /lambda/],
  ["SELECT replace('a', 'a', repeat('b', 1000))", /up to 100 characters/],
  ['SELECT repeat(name, 10) FROM data', /up to 100 characters/],
  ["SELECT replace(replace(replace(replace('a', 'a', 'b'), 'b', 'c'), 'c', 'd'), 'd', 'e')", /at most 3/],
  ["SELECT repeat('x', 1000000000)", /up to 1000 /],
  ["SELECT repeat('x', age * 1000000) FROM data", /up to 1000 /],
  ["SELECT lpad('x', 1000000000, 'y')", /up to 1000 /],
  ['SELECT range(1000000000)', /up to 1000 /],
  ['SELECT unnest(generate_series(1, 1000000000))', /up to 1000 /],
  ['SELECT list_resize([1], 1000000000)', /not allowed/],
  ["SELECT printf('%1000000000d', 1)", /widths below/],
  ["SELECT format('{:1000000000}', 1)", /widths below/],
  ['SELECT format(city, 1) FROM data', /stands in the statement/],
  ["SELECT bitstring('1', 2000000000)", /not allowed/],
  ['SELECT list_reduce(range(40), (x, y) -> x + y)', /not allowed/],
  ['SELECT a::"my"."ty" FROM data', /without a schema/],
  ['SELECT no_such_function(1)', /not allowed/],
  ['SELECT 1; SELECT 2', /one statement/],
  ['SELECT 1; DROP TABLE s1', /only SELECT|one statement/],
  ['DROP TABLE s1', /only SELECT/],
  ['DELETE FROM data', /only SELECT/],
  ['INSERT INTO s1 VALUES (1)', /only SELECT/],
  ['UPDATE s1 SET f0 = 1', /only SELECT/],
  ['CREATE TABLE x AS SELECT 1', /only SELECT/],
  ['CREATE MACRO f() AS 1', /only SELECT/],
  ["COPY data TO '/tmp/x.csv'", /only SELECT/],
  ["COPY (SELECT 1) TO '/tmp/x.csv'", /only SELECT/],
  ["ATTACH '/tmp/x.db'", /only SELECT/],
  ['INSTALL httpfs', /only SELECT/],
  ["LOAD '/tmp/x.so'", /only SELECT/],
  ['SET memory_limit = 0', /only SELECT/],
  ['PRAGMA database_list', /only SELECT|not allowed/],
  ['CALL pragma_version()', /only SELECT/],
  ['EXPLAIN SELECT 1', /only SELECT/],
  ['PREPARE x AS SELECT 1', /only SELECT/],
  ["EXPORT DATABASE '/tmp/x'", /only SELECT/],
  ['CHECKPOINT', /only SELECT/],
  ['BEGIN', /only SELECT/],
  ['VACUUM', /only SELECT/],
  ['SHOW TABLES', /SHOW/],
  ['DESCRIBE s1', /SHOW, DESCRIBE/],
  ['SUMMARIZE s1', /SHOW, DESCRIBE/],
  ['SELECT * FROM (SHOW TABLES)', /SHOW/],
  ['SELECT', /cannot be parsed|refused/],
  ['', /cannot be parsed|one statement/],
  ['-- nothing', /cannot be parsed|one statement/],
  ['SELECT 1 /* ', /cannot be parsed|unterminated/],
  ['SELECT 1) UNION (SELECT 2', /cannot be parsed/],
  ['SELECT 1\0; DROP TABLE s1', /NUL/],
  [`SELECT ${'('.repeat(40_000)}1${')'.repeat(40_000)}`, /cannot be parsed/],
  [`SELECT ${'1 + '.repeat(20_000)}1`, /cannot be parsed|nested/],
];

const statements: readonly (readonly [sql: string, rows: unknown])[] = [
  ['SELECT age FROM data', [[36], [41], [85], [72]]],
  ['FROM data SELECT name', [['Ada'], ['Alan'], ['Grace'], ['Edsger']]],
  ['select Name from DATA where AGE > 80', [['Grace']]],
  ['SELECT count(*), avg(age) FROM data', [[4, 58.5]]],
  [
    'SELECT active, max(age) AS m FROM data GROUP BY active ORDER BY m',
    [
      [false, 41],
      [true, 85],
    ],
  ],
  ['SELECT d.name FROM data d WHERE d.email IS NULL', [['Alan']]],
  ['SELECT data.name FROM data ORDER BY data.age DESC LIMIT 1', [['Grace']]],
  ["SELECT name FROM data WHERE city LIKE 'L%' OR city ILIKE 'new%'", [['Ada'], ['Grace']]],
  ["SELECT name FROM data WHERE city IN ('London', 'x')", [['Ada']]],
  ['SELECT name FROM data WHERE age BETWEEN 40 AND 50', [['Alan']]],
  ["SELECT CASE WHEN age > 50 THEN 'old' ELSE 'young' END FROM data LIMIT 1", [['young']]],
  [
    'SELECT a.name FROM data a JOIN data b ON a.age < b.age GROUP BY a.name ORDER BY 1',
    [['Ada'], ['Alan'], ['Edsger']],
  ],
  ['WITH t AS (SELECT age FROM data) SELECT max(age) FROM t', [[85]]],
  ['WITH a AS (SELECT age FROM data), b AS (SELECT age + 1 AS n FROM a) SELECT min(n) FROM b', [[37]]],
  ['SELECT * FROM (SELECT max(age) FROM data)', [[85]]],
  ['SELECT name FROM data WHERE age = (SELECT max(age) FROM data)', [['Grace']]],
  ['SELECT 1 UNION ALL SELECT 2', [[1], [2]]],
  ['(SELECT 1) EXCEPT (SELECT 2)', [[1]]],
  ['VALUES (1), (2)', [[1], [2]]],
  ['SELECT * FROM range(3)', [[0], [1], [2]]],
  ['SELECT unnest([1, 2])', [[1], [2]]],
  ['SELECT list_transform([1, 2], x -> x + 1)', [[[2, 3]]]],
  ['SELECT [x * 2 FOR x IN [1, 2] IF x > 1]', [[[4]]]],
  ["SELECT {'a': 1}.a", [[1]]],
  ['SELECT row_number() OVER (ORDER BY age DESC) FROM data QUALIFY age > 80', [[1]]],
  ["SELECT date_trunc('month', DATE '2024-02-29')::DATE::VARCHAR", [['2024-02-01']]],
  ["SELECT DATE '2024-02-29' + INTERVAL 1 DAY = DATE '2024-03-01'", [[true]]],
  ["SELECT regexp_extract('abc', 'b'), upper('x'), 'a' || 'b'", [['b', 'X', 'ab']]],
  ["SELECT lpad('7', 3, '0'), format('{:.2f}', 1.5), printf('%d', 3)", [['007', '1.50', '3']]],
  ["SELECT '{\"a\": [1]}'::JSON -> 'a'", [[[1]]]],
  ['SELECT DISTINCT active FROM data ORDER BY ALL', [[false], [true]]],
  ['SELECT * EXCLUDE (email, city, active) FROM data LIMIT 1', [['Ada', 36]]],
  ["SELECT COLUMNS('^a') FROM data LIMIT 1", [[36, true]]],
  ['SELECT * FROM (SELECT active, age FROM data) PIVOT (max(age) FOR active IN (true, false))', [[85, 41]]],
  ['SELECT sum(age) FILTER (WHERE active) FROM data', [[193]]],
  ['SELECT TRY_CAST(city AS INTEGER), coalesce(NULL, 1), nullif(1, 1) FROM data LIMIT 1', [[null, 1, null]]],
  ['SELECT quantile_cont(age, 0.5), stddev_samp(age) > 23 FROM data', [[56.5, true]]],
  ['SELECT 1 -- a comment; DROP TABLE s1', [[1]]],
  ['SELECT 1;', [[1]]],
  ['SELECT 9007199254740993, 9223372036854775807', [['9007199254740993', '9223372036854775807']]],
  [
    "SELECT 'WITH x AS (SELECT 1)', '; DROP TABLE s1', \"name\" FROM data LIMIT 1",
    [['WITH x AS (SELECT 1)', '; DROP TABLE s1', 'Ada']],
  ],
];

describe('The guard of SQL statements', () => {
  let table: DataTable;
  before(async () => {
    table = await openTable(people, { index: 'name' });
  });
  after(() => table.close());

  for (const [sql, why] of attacks)
    it(`refuses ${sql.slice(0, 90).replaceAll('\0', '\\0')}`, async () => {
      const error: unknown = await judged(table.engine.database, sql, ['name', 'age']).catch(
        (thrown: unknown) => thrown,
      );
      if (!isSojournError(error)) throw new Error(`not refused: ${JSON.stringify(error)}`);
      expect(error.code).to.equal('data_error');
      expect(error.detail).to.match(why);
    });

  for (const [sql, rows] of statements)
    it(`answers ${sql}`, async () => {
      const { records, columns } = await table.call('sql', { query: sql });
      const cells = (records as Record<string, unknown>[]).map((record) =>
        (columns as string[]).map((name) => record[name]),
      );
      expect(cells).to.deep.equal(rows);
    });

  it('knows each function that DuckDB has as allowed or as refused', async () => {
    const { columns } = await table.engine.database.read(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro')",
    );
    const names = columns[0] as string[];
    expect(names).to.have.length.above(700);
    const unknown = names.filter(
      (name) => !allowedFunctions.has(name) && !refusedFunctions.has(name) && !refusedFamilies.test(name),
    );
    expect(unknown, 'look at these, and write them into one of the lists').to.deep.equal([]);
    const both = [...refusedFunctions].filter((name) => allowedFunctions.has(name));
    expect(both).to.deep.equal([]);
    const special = new Set(['->', 'unnest', 'position', 'overlay']);
    expect([...allowedFunctions].filter((name) => !names.includes(name) && !special.has(name))).to.deep.equal(
      [],
    );
    expect(allowedTableFunctions.size).to.equal(3);
  });
});
