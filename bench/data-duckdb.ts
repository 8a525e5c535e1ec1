/** The work of data.ts in DuckDB alone, with the memory and threads of a session: milliseconds, the median of some. */
import { availableParallelism } from 'node:os';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import { measure } from './measure.js';

const settings = { threads: String(availableParallelism()), memory_limit: '1GiB' };

export async function inDuckdb(path: string): Promise<Record<string, number>> {
  const create = await measure({ name: 'create', n: 5 }, async () => {
    const { close } = await loaded(path);
    close();
  });
  const { connection, close } = await loaded(path);
  const median = async (n: number, sql: string) =>
    (await measure({ name: sql, n, warmUp: 2 }, () => connection.runAndReadAll(sql))).p50;
  const quartiles = 'quantile_cont(amount, [0.25, 0.5, 0.75])';
  const times = {
    create: create.p50,
    get_value: await median(200, 'SELECT amount FROM sales WHERE rowid = 77'),
    get_slice: await median(200, 'SELECT * FROM sales WHERE rowid >= 5000 AND rowid < 5100'),
    filter: await median(20, 'SELECT * FROM sales WHERE amount > 9900 ORDER BY rowid'),
    get_stats: await median(
      10,
      `SELECT count(amount), count(DISTINCT amount), avg(amount), stddev(amount), ${quartiles} FROM sales`,
    ),
    sort: await median(5, 'CREATE OR REPLACE TABLE sorted AS SELECT * FROM sales ORDER BY amount'),
  };
  close();
  return times;
}

/** A table of its own, in memory that nobody has used yet. */
async function loaded(path: string): Promise<{ connection: DuckDBConnection; close(): void }> {
  const instance = await DuckDBInstance.create(':memory:', settings);
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE sales AS FROM read_csv('${path}')`);
  const close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  return { connection, close };
}
