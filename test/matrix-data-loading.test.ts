/** The acceptance rows of data sessions that are about what is loaded and by whom: D-25 to D-27 and D-37. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect } from 'chai';
import writeExcel from 'write-excel-file/node';
import { backgroundServer } from '../src/client/auto-start.js';
import { HttpCaller } from '../src/client/http-caller.js';
import { SojournClient } from '../src/client/sojourn-client.js';
import { isSojournError } from '../src/types/errors.js';
import { openDataDoors } from './support/data-doors.js';
import type { DataDoors } from './support/data-doors.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('what data sessions are made from', () => {
  let doors: DataDoors;

  before(async () => {
    doors = await openDataDoors();
    await writeSources(doors.root);
  });
  after(() => doors.close());

  const load = async (data_source: object) => {
    const { status, body } = await doors.native('POST', '/sessions', { data_source });
    return { status, body };
  };

  const local = (data: unknown) => ({ type: 'local', data });
  const cases: [string, object, number[], string[]][] = [
    ['csv', { type: 'csv', filename: 'people.csv' }, [4, 5], ['name', 'age', 'city', 'email', 'active']],
    ['tsv', { type: 'tsv', filename: 'a.tsv' }, [1, 2], ['x', 'y']],
    ['json', { type: 'json', filename: 'a.json' }, [2, 2], ['x', 'y']],
    ['json by column', { type: 'json', filename: 'columns.json' }, [2, 2], ['x', 'y']],
    ['jsonl', { type: 'jsonl', filename: 'a.jsonl' }, [2, 1], ['x']],
    ['parquet', { type: 'parquet', filename: 'a.parquet' }, [2, 1], ['x']],
    ['excel', { type: 'excel', filename: 'a.xlsx' }, [1, 2], ['x', 'y']],
    ['yaml', { type: 'yaml', filename: 'sites.yml' }, [2, 3], ['key', 'site', 'year']],
    [
      'markdown',
      { type: 'markdown', filename: 'talks/a.md' },
      [1, 4],
      ['title', 'year', 'categories', 'content'],
    ],
    ['bibtex', { type: 'bibtex', filename: 'a.bib' }, [1, 3], ['ENTRYTYPE', 'ID', 'title']],
    ['local', local([{ a: 1 }, { a: 2, b: 'x' }]), [2, 2], ['a', 'b']],
    ['fake', { type: 'fake', nrows: 3, cols: ['name', 'email'], seed: 1 }, [3, 2], ['name', 'email']],
    ['auto', { type: 'auto', filename: 'people.csv' }, [4, 5], ['name', 'age', 'city', 'email', 'active']],
    [
      'hstack',
      {
        type: 'hstack',
        index: 'k',
        specifications: [
          { ...local([{ k: 'a', x: 1 }]), index: 'k' },
          { ...local([{ k: 'a', y: 2 }]), index: 'k' },
        ],
      },
      [1, 2],
      ['x', 'y'],
    ],
    [
      'vstack',
      { type: 'vstack', reset_index: true, specifications: [local([{ x: 1 }]), local([{ x: 2, y: 3 }])] },
      [2, 2],
      ['x', 'y'],
    ],
    ['stack', { type: 'stack', specifications: [local([{ x: 1 }]), local([{ y: 2 }])] }, [1, 2], ['x', 'y']],
    [
      'series',
      {
        type: 'series',
        index: 'k',
        specifications: {
          ...local([
            { k: 'a', x: 1 },
            { k: 'a', x: 2 },
          ]),
          index: 'k',
        },
      },
      [1, 1],
      ['x'],
    ],
    [
      'yaml_directory',
      { type: 'yaml_directory', source: [{ directory: 'notes', glob: '*.yml' }] },
      [2, 4],
      ['word', 'sourceRoot', 'sourceDirectory', 'sourceFilename'],
    ],
    [
      'directory',
      { type: 'directory', source: [{ directory: 'notes' }] },
      [2, 3],
      ['sourceRoot', 'sourceDirectory', 'sourceFilename'],
    ],
    [
      'list',
      { type: 'list', filename: ['notes/a.yml', 'notes/b.yml'] },
      [2, 4],
      ['word', 'sourceRoot', 'sourceDirectory', 'sourceFile'],
    ],
  ];

  for (const [name, source, shape, columns] of cases) {
    it(`D-25: ${name} gives a table`, async () => {
      const { status, body } = await load(source);
      expect([status, body.detail]).to.deep.equal([201, undefined]);
      expect(body.columns).to.have.members(columns);
      expect(body.shape).to.deep.equal(shape);
    });
  }

  it('D-25: what needs a service out of reach is refused by name', async () => {
    for (const type of ['gsheet', 'docx_directory']) {
      const { status, body } = await load({ type, filename: 'x', source: [{ directory: 'notes' }] });
      expect([type, status >= 400 && status < 500]).to.deep.equal([type, true]);
      expect(body.detail).to.match(/not available/i);
    }
  });

  it('D-26: columns are computed from templates and the day', async () => {
    const id = await doors.create('07-compute.yml');
    expect((await doors.ask(id, 'get_value', { index: 'r2', column: 'full' })).value).to.equal('Bob Ray');
    expect((await doors.ask(id, 'get_value', { index: 'r1', column: 'stamp' })).value).to.equal('literal');
  });

  it('D-27: an interface file inherits columns, lists and fields', async () => {
    const id = await doors.create('11-child.yml');
    expect((await doors.ask(id, 'get_columns')).columns).to.deep.equal(['x', 'note', 'y']);
    const field = async (name: string) =>
      (await doors.native('POST', '/interface/read', { interface_file: '11-child.yml', field: name })).body
        .value;
    expect(await field('keywords')).to.deep.equal(['p1', 'p2', 'c1']);
    expect(await field('title')).to.equal('Parent');
    expect(await field('secret')).to.equal(null);
  });
});

describe('a client of data sessions', () => {
  it('D-37: starts a server that does not run, and makes a session there', async function () {
    this.timeout(60_000);
    const folder = await temporaryFolder('auto-start');
    await writeFile(join(folder, 'a.csv'), 'x\n1\n');
    await writeFile(
      join(folder, 'sojourn.yaml'),
      `port: 0\ndata: {roots: ["${folder}"]}\npython: {preload: []}\n`,
    );
    const dataDir = join(folder, 'state');
    const config = join(folder, 'sojourn.yaml');
    const client = await SojournClient.connect({ dataDir, config, autoStart: true });
    try {
      const data = await client.createSession({ dataSource: { type: 'csv', filename: 'a.csv' } });
      expect(await data.getValue(0, 'x')).to.equal(1);
    } finally {
      await client.close();
      await backgroundServer(dataDir).stopServer();
    }
  });

  it('D-37: repeats a 5xx that may pass after growing pauses, and a 4xx never', async () => {
    const times: number[] = [];
    let status = 503;
    const server = createServer((request, response) => {
      request.resume();
      times.push(performance.now());
      const code = status === 503 ? 'engine_unavailable' : 'invalid_params';
      response.writeHead(status, { 'Content-Type': 'application/problem+json' });
      response.end(JSON.stringify({ code, detail: 'no', status }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const caller = new HttpCaller({ url, retries: 3, retryDelayMs: 40 });
    const failed = async () =>
      caller.call('ping', {}).then(
        () => '',
        (error: unknown) => (isSojournError(error) ? error.code : ''),
      );
    expect(await failed()).to.equal('engine_unavailable');
    expect(times).to.have.length(4);
    const pauses = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    // Never sooner than 1, 2 and 4 times the first pause.
    [40, 80, 160].forEach((least, at) => expect(pauses[at]).to.be.at.least(least - 2));
    times.length = 0;
    status = 400;
    expect(await failed()).to.equal('invalid_params');
    expect(times).to.have.length(1);
    caller.dispose();
    await new Promise((resolve) => server.close(resolve));
  });
});

async function writeSources(root: string): Promise<void> {
  const write = (name: string, content: string | Uint8Array) => writeFile(join(root, name), content);
  await write('a.tsv', 'x\ty\n1\ta\n');
  await write('a.json', '[{"x": 1, "y": "a"}, {"x": 2}]');
  await write('columns.json', '{"x": [1, 2], "y": ["a", null]}');
  await write('a.jsonl', '{"x": 1}\n{"x": 2}\n');
  await write('a.bib', '@misc{b1, title = {T}}\n');
  await write(
    'a.xlsx',
    await writeExcel(
      [
        [{ value: 'x' }, { value: 'y' }],
        [{ value: 1 }, { value: 'a' }],
      ],
      { sheet: 'Sheet1' },
    ).toBuffer(),
  );
  const duckdb = await (await DuckDBInstance.create()).connect();
  await duckdb.run(`COPY (SELECT 1 AS x UNION ALL SELECT 2) TO '${join(root, 'a.parquet')}'`);
  duckdb.closeSync();
  await mkdir(join(root, 'notes'));
  await write('notes/a.yml', 'word: one\n');
  await write('notes/b.yml', 'word: two\n');
  expect(await readFile(join(root, 'notes/a.yml'), 'utf8')).to.equal('word: one\n');
}
