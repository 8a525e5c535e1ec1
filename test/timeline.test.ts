/** The tree of checkpoints: pages, branches, drawings, and comparing two moments. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { drawSvg } from '../src/advanced/timeline/svg-drawing.js';
import { drawText } from '../src/advanced/timeline/text-drawing.js';
import { timelinePage } from '../src/advanced/timeline/checkpoint-tree.js';
import type { SessionRecord } from '../src/types/session.js';
import type { ISession } from '../src/types/client.js';
import type { CheckpointNode } from '../src/types/store.js';
import { needs, pythonExecutable } from './support/needs.js';
import { failure } from './support/python-fates.js';
import { openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const at = Date.parse('2026-01-02T00:00:00Z');
/** `name parent branch`; the place in the list is the seq. */
function treeOf(text: string): CheckpointNode[] {
  const lines = text.trim().split('\n');
  return lines.map((line, seq) => {
    const [checkpoint_id = '', parent = '-', branch = 'main', label] = line.trim().split(' ');
    const created_at = new Date(at - (lines.length - seq) * 60_000).toISOString();
    const note =
      label === undefined
        ? null
        : { label, description: '', tags: ['t'], created_at, updated_at: created_at };
    return {
      checkpoint_id,
      seq,
      parent: parent === '-' ? null : parent,
      branch,
      epoch: 1,
      reason: 'manual',
      created_at,
      bytes: 1500,
      new_bytes: 10,
      note,
    };
  });
}
const recordOf = (head: string, branch: string) =>
  ({ session_id: 'a', head_seq: 99, head_checkpoint: head, branch }) as SessionRecord;

const forked = treeOf(`
  c0 - main
  c1 c0 main first
  c2 c1 branch-2
  c3 c2 branch-2
  c4 c1 branch-3
  c5 c2 branch-4
  c6 c4 branch-3 <b>&\u0007`);

/** By another's parser. */
async function rootOf(svg: string): Promise<string> {
  const code = 'import sys, xml.dom.minidom as m; print(m.parseString(sys.argv[1]).documentElement.tagName)';
  return (await promisify(execFile)(pythonExecutable, ['-c', code, svg])).stdout.trim();
}

describe('the tree of checkpoints', () => {
  const page = timelinePage(recordOf('c6', 'branch-3'), forked, { limit: 100 });

  it('is drawn in text: branches, the head, labels, tags, ages and sizes', () => {
    expect(drawText(page, at).split('\n')).to.deep.equal([
      '  ◉     6  [HEAD, branch-3] "<b>&\u0007" #t  1 min ago  1.5 kB (+10 B)  manual'.replace('\u0007', '�'),
      '  │   ● 5  [branch-4]  2 min ago  1.5 kB (+10 B)  manual',
      '  ●   │ 4  3 min ago  1.5 kB (+10 B)  manual',
      '  │ ● │ 3  [branch-2]  4 min ago  1.5 kB (+10 B)  manual',
      '  │ ├─╯',
      '  │ ●   2  5 min ago  1.5 kB (+10 B)  manual',
      '├─┴─╯',
      '●       1  [main] "first" #t  6 min ago  1.5 kB (+10 B)  manual',
      '●       0  7 min ago  1.5 kB (+10 B)  manual',
    ]);
  });

  it('is drawn as a picture that is well-formed and quiet, whatever labels say', async function () {
    await needs.python(this);
    const svg = drawSvg(page, at);
    expect(await rootOf(svg)).to.equal('svg');
    expect(svg).to.include('“&lt;b&gt;&amp;�”');
    expect(svg.match(/<circle/g)).to.have.length(forked.length);
    expect(svg).not.to.match(/<script|href|\son\w+=/);
    expect(await rootOf(drawSvg({ ...page, checkpoints: [] }, at))).to.equal('svg');
  });

  it('comes in pages, newest first, which never part what belongs to one place', () => {
    const nodes = treeOf('c0 - main\nc1 c0 main\nc2 c1 main\nc3 c2 main\nc4 c3 main').map((node, place) => ({
      ...node,
      seq: [1, 2, 2, 3, 4][place] ?? 0,
    }));
    const record = recordOf('c4', 'main');
    const seqs = (query: { limit: number; before_seq?: number }) => {
      const { checkpoints, next_before_seq } = timelinePage(record, nodes, query);
      return [checkpoints.map(({ seq }) => seq), next_before_seq];
    };
    expect(seqs({ limit: 2 })).to.deep.equal([[3, 4], 3]);
    expect(seqs({ limit: 1, before_seq: 3 })).to.deep.equal([[2, 2], 2]);
    expect(seqs({ limit: 5, before_seq: 2 })).to.deep.equal([[1], null]);
    expect(seqs({ limit: 5, before_seq: 1 })).to.deep.equal([[], null]);
  });

  it('says of each branch where it began and ends, and which one goes on', () => {
    const [main, second, third, fourth] = page.branches;
    expect(main).to.deep.equal({
      name: 'main',
      tip: { checkpoint_id: 'c1', seq: 1 },
      forked_from: null,
      checkpoint_count: 2,
      is_current: false,
    });
    expect(second).to.deep.include({
      checkpoint_count: 2,
      forked_from: { checkpoint_id: 'c1', seq: 1, branch: 'main' },
    });
    expect(third).to.deep.include({ is_current: true, tip: { checkpoint_id: 'c6', seq: 6 } });
    expect(fourth?.forked_from).to.deep.equal({ checkpoint_id: 'c2', seq: 2, branch: 'branch-2' });
  });
});

describe('the timeline of a session', () => {
  let world: World;
  let session: ISession;
  beforeEach(async () => {
    world = await openWorld();
    session = await world.client.createSession({ kind: 'counter' });
  });
  afterEach(() => world.close());

  it('has a checkpoint for each that was asked for, also when nothing has changed', async () => {
    const first = await session.timeline.checkpoint({ label: 'empty' });
    const again = await session.timeline.checkpoint();
    await session.execute('add 1');
    const third = await session.timeline.checkpoint({ tags: ['x'] });
    const { checkpoints, head, branches } = await session.timeline.read();
    expect(checkpoints.map((node) => node.checkpoint_id)).to.deep.equal(
      [first, again, third].map((node) => node.checkpoint_id),
    );
    expect(checkpoints[0]?.note?.label).to.equal('empty');
    expect(head).to.include({ checkpoint_id: third.checkpoint_id, branch: 'main' });
    expect(branches).to.have.length(1);
    expect(await failure(session.call('checkpoint', { if_seq: 0 }))).to.include({ code: 'conflict' });
  });

  it('shows the branch that grows where somebody went back, and wakes nobody', async () => {
    await session.execute('add 1');
    const { seq } = await session.timeline.checkpoint({ label: 'one' });
    await session.execute('add 10');
    await session.goto(seq);
    await session.execute('add 100');
    await session.hibernate();
    const { branches, checkpoints } = await session.timeline.read();
    expect(branches.map(({ name, is_current: current }) => [name, current])).to.deep.equal([
      ['main', false],
      ['branch-2', true],
    ]);
    expect(branches[1]?.forked_from?.seq).to.equal(seq);
    expect(checkpoints).to.have.length(3);
    const drawn = await session.timeline.draw();
    expect(drawn.split('\n')[0]).to.match(/^ {2}◉ .*\[HEAD, branch-2\]/);
    expect((await session.info()).status).to.equal('hibernated');
  });

  it('is empty at the beginning', async () => {
    expect((await session.timeline.read()).checkpoints).to.deep.equal([]);
    expect(await session.timeline.draw()).to.include('no checkpoints');
  });
});

describe('comparing two moments', function () {
  this.timeout(60_000);
  let server: PythonClient;
  before(async function () {
    await needs.python(this);
    server = await openPythonClient();
  });
  after(() => server.close());

  it('tells variables, functions and files of a Python session, with their previews', async () => {
    const session = await server.client.createSession();
    await session.execute(`import math\na, b, gone = 1, [1], 'x'\ndef f(): return 1\ng = lambda: f()`);
    await session.execute(
      `open('same.txt', 'w').write('x'); open('old.txt', 'w').write('x'); open('c.txt', 'w').write('1')`,
    );
    const { seq } = await session.timeline.checkpoint();
    await session.execute(`b.append(2); del gone; c = b; _hidden = 1; import os\ndef f(): return 2`);
    await session.execute(
      `os.remove('old.txt'); open('c.txt', 'w').write('2'); open('new.txt', 'w').write('x')`,
    );
    const { variables, files, from, to, truncated } = await session.timeline.diff(seq);
    expect(from).to.deep.equal({ seq, reached_seq: seq, exact: true });
    expect(to.exact).to.equal(true);
    expect(variables?.added.map(({ name }) => name).sort()).to.deep.equal(['c', 'os']);
    expect(variables?.removed).to.deep.equal([{ name: 'gone', type: 'str', size_bytes: 28, preview: "'x'" }]);
    const changed = Object.fromEntries((variables?.changed ?? []).map((one) => [one.name, one]));
    expect(Object.keys(changed).sort()).to.deep.equal(['b', 'f']);
    expect([changed.b?.before.preview, changed.b?.after.preview]).to.deep.equal(['[1]', '[1, 2]']);
    expect(variables?.unchanged_count).to.equal(3);
    expect(files).to.deep.equal({ added: ['new.txt'], removed: ['old.txt'], changed: ['c.txt'] });
    expect(truncated).to.equal(false);
  });

  it('cuts long lists, says what it could not reach, and refuses the future', async () => {
    const session = await server.client.createSession();
    const { durableSeq } = await session.execute(`for i in range(10): globals()[f'v{i}'] = i`);
    await session.execute('x = 1');
    await session.save();
    const diff = await session.timeline.diff(durableSeq, undefined, { limit: 3 });
    expect(diff.from).to.include({ exact: false, reached_seq: 0 });
    expect(diff.variables?.added).to.have.length(3);
    expect(diff.truncated).to.equal(true);
    expect(await failure(session.timeline.diff(99))).to.include({ code: 'checkpoint_not_found' });
  });

  it('tells rows, columns and cells of a table, by its index', async () => {
    const data = { k: ['a', 'b', 'c'], n: [1, 2, 3], t: ['x', 'y', null] };
    const session = await server.client.createSession({ data, index: 'k' });
    const values = [{ index: 'b', column: 'n', value: 20 }];
    const changed = (await session.call('set_values', { values })) as { seq: number };
    await session.call('sort', { column: 'n', ascending: false });
    await session.call('rename_columns', { columns: { t: 'text' } });
    await session.call('append_rows', { rows: [{ k: 'd', n: 4, text: 'z' }] });
    const { table, from, to } = await session.timeline.diff(0);
    expect([from.exact, to.exact]).to.deep.equal([true, true]);
    expect(table).to.deep.equal({
      matched_by: 'index',
      shape: { from: [3, 2], to: [4, 2] },
      columns: {
        added: [{ name: 'text', dtype: 'object' }],
        removed: [{ name: 't', dtype: 'object' }],
        changed: [],
      },
      rows: { added: 1, removed: 0, changed: 1 },
      added_rows: [{ row: 'd', values: { n: 4, text: 'z' } }],
      removed_rows: [],
      cells: [{ row: 'b', column: 'n', before: 2, after: 20 }],
      truncated: false,
    });
    const same = (await session.timeline.diff(changed.seq, changed.seq)).table;
    expect(same).to.deep.include({ rows: { added: 0, removed: 0, changed: 0 }, cells: [] });
    const back = (await session.timeline.diff((await session.info()).headSeq, 0)).table;
    expect(back).to.deep.include({ rows: { added: 0, removed: 1, changed: 1 } });
  });

  it('tells rows of a table without an index by their places', async () => {
    const session = await server.client.createSession({ data: { n: [1, 2, 3] } });
    await session.call('set_values', { values: [{ index: 0, column: 'n', value: null }] });
    const { table } = await session.timeline.diff(0);
    expect(table).to.deep.include({ matched_by: 'position', rows: { added: 0, removed: 0, changed: 1 } });
    expect(table?.cells).to.deep.equal([{ row: 0, column: 'n', before: 1, after: null }]);
  });
});
