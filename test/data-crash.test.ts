/** Data sessions and kill -9: what was acknowledged is there again, edits, focus and versions too. */
import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { needs } from './support/needs.js';
import { until } from './support/session-words.js';
import { startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

const members = z.record(z.string(), z.unknown());

/** A server that is killed and started again on the same data. */
class Lives {
  private server: ServerProcess | null = null;

  private constructor(
    readonly root: string,
    private readonly dataDir: string,
    private readonly env: Record<string, string>,
  ) {}

  static async begin(env: Record<string, string> = {}): Promise<Lives> {
    const folder = await temporaryFolder('data-crash');
    const root = join(folder, 'files');
    await cp('test/fixtures/data', root, { recursive: true });
    const lives = new Lives(root, join(folder, 'state'), { SOJOURN_DATA_ROOTS: root, ...env });
    await lives.start();
    return lives;
  }

  async start(): Promise<void> {
    this.server = await startServerProcess(this.dataDir, this.env);
  }

  async kill(): Promise<void> {
    await this.server?.kill();
  }

  async killed(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async request(method: string, path: string, body?: string | FormData): Promise<Record<string, unknown>> {
    const { url, token } = this.server!;
    const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
    if (typeof body === 'string') headers['Content-Type'] = 'application/json';
    const response = await fetch(`${url}/api${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const found = members.parse(await response.json());
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(found)}`);
    return found;
  }

  async create(body: object): Promise<string> {
    const text = JSON.stringify({ kind: 'data', ...body });
    return String((await this.request('POST', '/sessions', text)).session_id);
  }

  async upload(name: string, content: string): Promise<string> {
    const form = new FormData();
    form.set('kind', 'data');
    form.set('index', 'name');
    form.set('file', new Blob([content]), name);
    return String((await this.request('POST', '/sessions', form)).session_id);
  }

  ask(id: string, operation: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.request('POST', `/sessions/${id}/${operation}`, JSON.stringify(params));
  }

  facts(id: string): Promise<Record<string, unknown>> {
    return this.request('GET', `/sessions/${id}`);
  }

  /** All that a client can find out about the table and its focus. */
  async state(id: string): Promise<unknown> {
    const { version, shape, dtypes, index, created_at, name } = await this.facts(id);
    const table = await this.ask(id, 'get_slice');
    const focus = [await this.ask(id, 'get_index'), await this.ask(id, 'get_column')];
    const further = [await this.ask(id, 'get_selector'), await this.ask(id, 'get_subindex')];
    return { version, shape, dtypes, index, created_at, name, table, focus, further };
  }

  /** The states of sessions before and after a kill. */
  async survive(ids: readonly string[], meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const before = await Promise.all(ids.map((id) => this.state(id)));
    await this.kill();
    await meanwhile();
    await this.start();
    const after = await Promise.all(ids.map((id) => this.state(id)));
    expect(after).to.deep.equal(before);
  }

  async close(): Promise<void> {
    expect(await this.server?.stop()).to.equal(0);
  }
}

const people = 'name,age,note\nAda,36,one\nAlan,41,\nGrace,85,three\n';

/** A session of each way to make one. */
const makeEach = async (lives: Lives): Promise<[string, string, string]> => [
  await lives.create({ interface_file: '04-output.yml' }),
  await lives.upload('people.csv', people),
  await lives.create({
    data: [
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 3, b: 'z' },
    ],
  }),
];

async function edit(lives: Lives, [file, uploaded, rows]: readonly [string, string, string]): Promise<void> {
  await lives.ask(file, 'set_index', { index: 'Grace' });
  await lives.ask(file, 'set_column', { column: 'rating' });
  await lives.ask(file, 'set_value', { value: 2.5 });
  await lives.ask(file, 'set_column', { column: 'remark' });
  await lives.ask(file, 'set_value', { value: 'seen' });
  await lives.ask(uploaded, 'set_values', { values: [{ index: 'Alan', column: 'note', value: 'two' }] });
  await lives.ask(uploaded, 'append_rows', { rows: [{ name: 'Edsger', age: 72 }] });
  await lives.ask(uploaded, 'sort', { column: 'age', ascending: false });
  await lives.ask(uploaded, 'set_index', { index: 'Edsger' });
  await lives.ask(rows, 'add_column', { column: 'c', values: [1.5, null, 'mixed'] });
  await lives.ask(rows, 'fill_nulls', { columns: ['b'], value: 'filled' });
  await lives.ask(rows, 'rename_columns', { columns: { a: 'A' } });
  await lives.ask(rows, 'undo');
}

describe('data sessions of a server that is killed', () => {
  before(function () {
    return needs.python(this);
  });

  it('D-33: are there again when their creation was all that was acknowledged', async function () {
    this.timeout(60_000);
    const lives = await Lives.begin();
    for (let kill = 0; kill < 3; kill += 1) {
      const ids = await makeEach(lives);
      await lives.killed();
      expect((await lives.ask(ids[0], 'get_slice')).shape).to.deep.equal([4, 7]);
      expect((await lives.ask(ids[1], 'get_column', { column: 'age' })).values).to.deep.equal([36, 41, 85]);
      expect((await lives.ask(ids[2], 'get_column', { column: 'b' })).values).to.deep.equal(['x', null, 'z']);
    }
    await lives.close();
  });

  it('D-33: have their edits, focus and versions, and can undo and redo them', async function () {
    this.timeout(60_000);
    const lives = await Lives.begin({ SOJOURN_CHECKPOINT_INTERVAL_MS: '3600000' });
    const ids = await makeEach(lives);
    await edit(lives, ids);
    await lives.survive(ids);
    const [file, uploaded, rows] = ids;
    expect((await lives.ask(file, 'get_value')).value).to.equal('seen');
    await lives.ask(rows, 'redo');
    expect((await lives.ask(rows, 'get_columns')).columns).to.deep.equal(['A', 'b', 'c']);
    await lives.ask(uploaded, 'undo', { steps: 2 });
    expect((await lives.ask(uploaded, 'get_column', { column: 'note' })).values).to.deep.equal([
      'one',
      'two',
      'three',
    ]);
    await lives.survive(ids);
    await lives.ask(uploaded, 'redo');
    expect((await lives.ask(uploaded, 'get_indices')).indices).to.deep.equal([
      'Ada',
      'Alan',
      'Grace',
      'Edsger',
    ]);
    await lives.ask(file, 'undo', { steps: 99 });
    expect((await lives.ask(file, 'get_value', { index: 'Grace', column: 'rating' })).value).to.not.equal(
      2.5,
    );
    await lives.survive(ids);
    await lives.close();
  });

  it('D-33: have them after a save too, and what was edited behind it', async function () {
    this.timeout(60_000);
    const lives = await Lives.begin({ SOJOURN_CHECKPOINT_INTERVAL_MS: '3600000' });
    const ids = await makeEach(lives);
    await edit(lives, ids);
    for (const id of ids) await lives.ask(id, 'save');
    await lives.survive(ids);
    await lives.ask(ids[1], 'set_values', { values: [{ index: 'Ada', column: 'age', value: 37 }] });
    await lives.ask(ids[1], 'drop_columns', { columns: ['note'] });
    await lives.survive(ids);
    await lives.ask(ids[1], 'undo');
    expect((await lives.ask(ids[1], 'get_row_data', { index: 'Ada' })).row).to.deep.equal({
      age: 37,
      note: 'one',
    });
    await lives.close();
  });

  it('D-33: have lost nothing when the kill came while they were saved', async function () {
    this.timeout(180_000);
    const lives = await Lives.begin({ SOJOURN_CHECKPOINT_INTERVAL_MS: '100' });
    const lines = Array.from({ length: 100_000 }, (_, at) => `r${at},${at},${at % 7}`);
    const large = await lives.upload('large.csv', ['name,a,b', ...lines].join('\n'));
    const [file, uploaded, rows] = await makeEach(lives);
    const ids = [file, uploaded, rows, large];
    for (let kill = 1; kill <= 6; kill += 1) {
      await lives.ask(large, 'set_values', { values: [{ index: `r${kill}`, column: 'a', value: -kill }] });
      await lives.ask(large, 'add_column', { column: `k${kill}`, value: kill });
      await lives.ask(uploaded, 'append_rows', { rows: [{ name: `k${kill}`, age: kill }] });
      // Not waited for: the kill meets it somewhere.
      const saving = Promise.allSettled(ids.map((id) => lives.ask(id, 'save')));
      await delay(Math.random() * 80);
      await lives.killed();
      await saving;
      const row = await lives.ask(large, 'get_row_data', { index: `r${kill}` });
      expect(row.row).to.deep.include({ a: -kill, b: kill % 7, [`k${kill}`]: kill });
      expect((await lives.facts(large)).shape).to.deep.equal([100_000, 2 + kill]);
      expect((await lives.ask(large, 'get_stats', { column: 'b' })).count).to.equal(100_000);
      expect((await lives.ask(uploaded, 'get_value', { index: `k${kill}`, column: 'age' })).value).to.equal(
        kill,
      );
    }
    await lives.ask(large, 'undo', { steps: 12 });
    expect((await lives.facts(large)).shape).to.deep.equal([100_000, 2]);
    expect((await lives.ask(large, 'get_value', { index: 'r6', column: 'a' })).value).to.equal(6);
    await lives.close();
  });

  it('D-33: outlive their source, and tell that it changed', async function () {
    this.timeout(60_000);
    const lives = await Lives.begin();
    const source = { type: 'csv', filename: 'own.csv', index: 'name' };
    await writeFile(join(lives.root, 'own.csv'), people);
    await writeFile(join(lives.root, 'gone.csv'), people);
    const changed = await lives.create({ data_source: source });
    const gone = await lives.create({ data_source: { ...source, filename: 'gone.csv' } });
    const same = await lives.create({ interface_file: '01-csv.yml' });
    for (const id of [changed, gone, same]) expect((await lives.facts(id)).source_changed).to.equal(false);
    // It is kept by itself, right after it was made.
    await until(async () => Number((await lives.facts(changed)).checkpoint_count) > 0);
    await lives.ask(gone, 'set_values', { values: [{ index: 'Ada', column: 'age', value: 37 }] });
    await lives.survive([changed, gone, same], async () => {
      await appendFile(join(lives.root, 'own.csv'), 'Edsger,72,four\n');
      await rm(join(lives.root, 'gone.csv'));
    });
    for (const [id, told] of [
      [changed, true],
      [gone, true],
      [same, false],
    ] as const)
      expect((await lives.facts(id)).source_changed, id).to.equal(told);
    expect((await lives.ask(gone, 'get_value', { index: 'Ada', column: 'age' })).value).to.equal(37);
    await lives.ask(gone, 'undo');
    expect((await lives.ask(gone, 'get_value', { index: 'Ada', column: 'age' })).value).to.equal(36);
    expect(await readFile(join(lives.root, 'own.csv'), 'utf8')).to.include('Edsger');
    await lives.close();
  });
});
