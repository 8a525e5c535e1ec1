/** Metrics as users meet them: in a program over HTTP, of tables, and in the terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { SojournClient } from '../src/client/sojourn-client.js';
import { programPath, startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { codeOf } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('metrics of a server', function () {
  this.timeout(60_000);
  let server: ServerProcess;
  let client: SojournClient;

  before(async () => {
    server = await startServerProcess(join(await temporaryFolder(), 'data'));
    client = await SojournClient.connect({ url: server.url, token: server.token });
    const rows = Array.from({ length: 1000 }, (_, row) => ({ row, square: row * row }));
    const table = await client.createSession({ sessionId: 'table', data: rows });
    for (let row = 0; row < 50; row += 1) await table.getValue(row, 'square');
    await table.sort('square');
    await codeOf(table.getValue(0, 'no_such_column'));
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  async function sojourn(...args: string[]) {
    const env = { PATH: process.env.PATH ?? '', SOJOURN_URL: server.url, SOJOURN_TOKEN: server.token };
    const child = spawn(process.execPath, [programPath, ...args], { env, cwd: await temporaryFolder() });
    child.stdin.end();
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, out, err };
  }

  it('have names in camelCase in a program; operations and codes keep theirs', async () => {
    const metrics = await client.session('table').metrics({ series: true });
    expect(metrics).to.include({ kind: 'data', live: true, commandCount: 1, errorCount: 1 });
    expect(metrics.errors).to.deep.equal({ column_not_found: 1 });
    expect(metrics.latency).to.have.all.keys('averageMs', 'p50Ms', 'p95Ms', 'p99Ms', 'maxMs');
    const reads = metrics.operations.find(({ operation }) => operation === 'get_value');
    expect(reads).to.include({ callCount: 51, errorCount: 1 });
    expect(reads?.sentBytes).to.be.greaterThan(51 * 100);
    expect(metrics.series?.at(-1)).to.include.keys('callCount', 'memoryBytes', 'averageMs');
    expect(Object.keys(metrics).filter((key) => key.includes('_'))).to.deep.equal([]);
  });

  it('tell how often a cell was at hand', async () => {
    const { caches } = await client.metrics();
    expect(caches.map(({ kind, cache }) => [kind, cache])).to.deep.equal([['data', 'columns']]);
    const [before] = caches;
    expect(before?.missCount).to.be.greaterThan(0);
    for (let row = 0; row < 10; row += 1) await client.session('table').getValue(row, 'square');
    const [after] = (await client.metrics()).caches;
    expect((after?.hitCount ?? 0) - (before?.hitCount ?? 0)).to.be.at.least(9);
  });

  it('are a table in the terminal, of a session or of all', async () => {
    const one = await sojourn('metrics', 'table');
    expect(one).to.include({ code: 0, err: '' });
    expect(one.out).to.match(/^table: data, live, 0 writes waiting\ncommands: 1, /);
    expect(one.out).to.match(/^OPERATION +CALLS +ERRORS +P50 +P95 +P99 +MAX +IN +OUT$/m);
    expect(one.out).to.match(/^get_value +\d+ +1 +[\d.]+ ms .* kB$/m);
    expect(one.out).to.match(/^column_not_found: 1$/m);
    const all = await sojourn('metrics');
    expect(all.out).to.match(/^server since 2\S+Z\nsessions: 1 live, 1 known; 0 writes waiting\n/);
    expect(all.out).to.match(/^cache data.columns: \d+ hits, \d+ misses$/m);
  });

  it('are what the server says with --json', async () => {
    const one = JSON.parse((await sojourn('metrics', 'table', '--json')).out) as object;
    expect(one).to.deep.include({ session_id: 'table', errors: { column_not_found: 1 } });
    expect(one).to.include.keys('series', 'operations', 'peak_memory_bytes');
    const all = JSON.parse((await sojourn('metrics', '--json')).out) as object;
    expect(all).to.include({ scope: 'server', total_sessions: 1 });
  });

  it('of a session that is not there are an error', async () => {
    const { code, err } = await sojourn('metrics', 'nobody');
    expect(code).to.equal(1);
    expect(err).to.match(/^sojourn: /);
  });
});
