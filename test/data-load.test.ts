/** Interface files: sections and how they are joined, what they compute and inherit, and files that mean ill. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { failure, loadWorld } from './support/data-load-world.js';
import type { LoadWorld } from './support/data-load-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

const local = (index: string, rows: string) => `{type: local, index: ${index}, data: [${rows}]}`;

describe('loading an interface file', () => {
  let world: LoadWorld;
  before(async () => void (world = await loadWorld()));
  after(() => world.close());

  const refused = async (text: string) => (await failure(world.yaml(text), 'interface_invalid')).detail;

  describe('sections', () => {
    it('are joined by their labels; those of the first table are the index', async () => {
      const shown = await world.yaml(
        `data: ${local('k', '{k: c, y: 1}, {k: b, y: 2}')}\ninput: ${local('k', '{k: a, x: 1}, {k: b, x: 2}')}\n`,
      );
      expect(shown.indices).to.deep.equal(['c', 'b']);
      expect(shown.shape).to.deep.equal([3, 2]);
      expect(shown.cells).to.deep.equal({ y: [1, 2, null], x: [null, 2, 1] });
      expect(shown.loaded.inIndex).not.to.equal(null);
    });

    it('tell rows of a series from others', async () => {
      const shown = await world.yaml(
        `series: ${local('k', '{k: b, y: 1}, {k: z, y: 2}, {k: b, y: 3}')}\ninput: ${local('k', '{k: a, x: 1}, {k: b, x: 2}')}\n`,
      );
      expect(shown.cells).to.deep.equal({ x: [1, 2, 2, null], y: [null, 1, 3, 2] });
      const { store, inSeries } = shown.loaded;
      const { columns } = await world.context.database.read(
        `SELECT ${String(inSeries)} FROM ${store.table} ORDER BY rowid`,
      );
      expect(columns[0]).to.deep.equal([false, true, true, true]);
      expect(shown.loaded.selector).to.equal(null);
    });

    it('with labels of different types do not take 1 for "1"', async () => {
      const shown = await world.yaml(
        `input: ${local('k', '{k: 1, x: 1}')}\ndata: ${local('k', '{k: "1", y: 2}')}\n`,
      );
      expect(shown.shape).to.deep.equal([2, 2]);
      expect(shown.indices).to.deep.equal([1]);
    });

    it('that do not exist yet get columns of nulls', async () => {
      const shown = await world.yaml(`input: ${local('k', '{k: a, x: 1}')}
output: {type: csv, filename: no.csv, index: k}
series: {type: csv, filename: no.csv, index: k, columns: [s], selector: s}
parameters: {type: yaml, filename: no.yml, columns: [p]}
cache: {type: csv, filename: no.csv, index: k}
review: [{field: seen}, {entries: [{field: _hidden}, {field: note}]}]
`);
      expect(shown.columns).to.deep.equal(['x', 'seen', 'note', 's', 'p', '_hidden']);
      expect(shown.types['seen']).to.equal('JSON');
      expect(shown.shape).to.deep.equal([1, 6]);
    });

    it('that are input must exist', async () => {
      expect(await refused('input: {type: csv, filename: no.csv, index: k}')).to.equal(
        `[Errno 2] No such file or directory: '${world.root}/no.csv'`,
      );
    });

    it('may not have a column twice', async () => {
      const text = `input: ${local('k', '{k: a, x: 1}')}\noutput: ${local('k', '{k: a, x: 1}')}\n`;
      expect(await refused(text)).to.contain('both have a column "x"');
    });

    it('of parameters alone have one row', async () => {
      const shown = await world.yaml('globals: {type: local, data: {a: 1, b: x}}');
      expect(shown.cells).to.deep.equal({ a: [1], b: ['x'] });
      expect(shown.loaded.index).to.equal(null);
    });

    it('of parameters must say which row is meant', async () => {
      const two = '{k: a, x: 1}, {k: b, x: 2}';
      expect(await refused(`parameters: ${local('k', two)}`)).to.contain('2 rows');
      const text = `parameters: {type: local, index: k, select: z, data: [${two}]}`;
      expect(await refused(text)).to.contain('"z"');
    });

    it('count rows where the index is no column', async () => {
      const shown = await world.yaml(`input: ${local('n', '{x: a}, {x: b}')}`);
      expect([shown.indices, shown.columns, shown.loaded.index?.name]).to.deep.equal([[0, 1], ['x'], 'n']);
    });

    it('lose rows with repeated labels, nulls too, and say so', async () => {
      const text = 'x,k\n1,a\n2,b\n3,a\n4,\n5,\n';
      await world.write('repeated.csv', text);
      const shown = await world.yaml('input: {type: csv, filename: repeated.csv, directory: ".", index: k}');
      expect(shown.cells).to.deep.equal({ x: [1, 2, 4] });
      expect(shown.indices).to.deep.equal(['a', 'b', null]);
      expect(shown.loaded.warnings[0]).to.contain('2 rows with repeated labels');
    });

    it('keep rows with repeated labels where they are a source of their own', async () => {
      const shown = await world.csv('x,k\n1,a\n2,b\n3,a\n', { index: 'k' });
      expect([shown.cells, shown.loaded.warnings]).to.deep.equal([{ x: [1, 2, 3] }, []]);
    });

    it('gather the rows of a series as lists', async () => {
      const shown = await world.yaml(
        `input: {type: series, index: k, specifications: ${local('k', '{k: b, y: 1}, {k: a, y: 2}, {k: b, y: null}')}}`,
      );
      expect([shown.indices, shown.cells]).to.deep.equal([['b', 'a'], { y: [[1, null], [2]] }]);
    });

    it('are stacked in every way', async () => {
      const one = local('k', '{k: a, x: 1}, {k: b, x: 2}');
      const other = local('k', '{k: b, y: 3}, {k: c, y: 4}');
      const stack = (how: string) => `input: [${one}, {how: ${how}, ${other.slice(1)}]`;
      const labels = async (how: string) => (await world.yaml(stack(how))).indices;
      expect(await labels('left')).to.deep.equal(['a', 'b']);
      expect(await labels('right')).to.deep.equal(['b', 'c']);
      expect(await labels('inner')).to.deep.equal(['b']);
      expect(await labels('outer')).to.deep.equal(['a', 'b', 'c']);
      const on = await world.yaml(
        `input: {type: hstack, index: k, specifications: [${local('k', '{k: a, t: u}')}, {on: t, type: local, index: t, data: [{t: u, z: 9}]}]}`,
      );
      expect(on.cells).to.deep.equal({ t: ['u'], z: [9] });
      const stacked = await world.yaml(
        'input: {type: stack, index: n, specifications: [{type: local, data: {a: 1}}, {type: local, data: {b: 2}}]}',
      );
      expect(stacked.cells).to.deep.equal({ a: [1], b: [2] });
      const detail = await refused(`input: {type: stack, index: n, specifications: [${one}]}`);
      expect(detail).to.equal('Each specification must result in a single row DataFrame. Got 2 rows');
    });

    it('say what is wrong with the names of columns', async () => {
      const input = (keys: string) => `input: {type: local, index: k, data: [{k: a, x: 1}], ${keys}}`;
      expect(await refused(input('rename_columns: {z: y}'))).to.equal(
        'rename_columns contains key "z" which is not a column in the loaded DataFrame. Columns are "k", "x"',
      );
      expect(await refused(input('ignore_columns: [z]'))).to.contain('ignore_columns contains key "z"');
      expect(await refused(input('mapping: {n: x, m: x}'))).to.contain('second');
      const shown = await world.yaml(input('select_columns: [k], columns: [n]'));
      expect(shown.columns).to.deep.equal(['n']);
    });
  });

  describe('computing', () => {
    const compute = (entry: string) =>
      `input: {type: local, index: k, data: [{k: a, x: "b c"}], compute: [${entry}]}`;

    it('has the filters of templates', async () => {
      const template =
        '{{ v | url_escape }} {{ "7x" | to_i | plus: 1 }} {{ "a" | relative_url }} {{ "*m*" | markdownify }}';
      const shown = await world.yaml(
        compute(`{function: render_liquid, field: t, args: {template: '${template}'}, row_args: {v: x}}`),
      );
      expect(shown.at('a', 't')).to.equal('b%20c 8 /a <p><em>m</em></p>\n');
    });

    it('reads no file and takes no end', async () => {
      const fails = (template: string) =>
        failure(
          world.yaml(compute(`{function: render_liquid, field: t, args: {template: '${template}'}}`)),
          'data_error',
        );
      await world.write('secret.liquid', 'secret');
      await fails('{% include "secret.liquid" %}');
      await fails('{% render "/etc/hostname" %}');
      await fails('{% for i in (1..100000000) %}{% for j in (1..100000000) %}x{% endfor %}{% endfor %}');
    });

    it('tells the day by the clock', async () => {
      await world.write('day.yml', compute('{function: today, field: t, args: {format: "%d.%m.%Y"}}'));
      const clock = { ...world.context.clock, now: () => Date.UTC(2024, 1, 29) };
      const loaded = await world.load({ interface_file: 'day.yml' }, { clock });
      expect((await world.show(loaded)).at('a', 't')).to.equal('29.02.2024');
    });

    it('refuses what it does not know', async () => {
      expect(await refused(compute('{function: nope, field: t}'))).to.equal(
        'Function "nope" not found in list_functions.',
      );
      expect(await refused(compute('{function: today}'))).to.equal(
        'Compute object in interface file is missing field key.',
      );
    });
  });

  describe('inheritance', () => {
    it('is refused in a circle and without a folder', async () => {
      await world.write('one.yml', 'inherit: {directory: ., filename: two.yml}');
      await world.write('two.yml', 'inherit: {directory: ., filename: one.yml}');
      const error = await failure(world.load({ interface_file: 'one.yml' }), 'interface_invalid');
      expect(error.detail).to.contain('inherits from itself');
      expect(await refused('inherit: {filename: x.yml}')).to.equal(
        `Inherit specified in interface file table.yml in directory ${world.root} but no directory to inherit from is specified.`,
      );
    });

    it('brings series as lists and parameters as constants', async () => {
      await world.write('p/data.csv', 'k,x\na,1\n');
      await world.write(
        'p/_lynguine.yml',
        `input: {type: csv, directory: ., filename: data.csv, index: k}
series: ${local('k', '{k: a, y: 1}, {k: a, y: 2}')}
parameters: {type: local, data: {p: 5}}
`,
      );
      const shown = await world.yaml('inherit: {directory: p}\nconstants: {type: local, data: {q: 6}}\n');
      expect(shown.cells).to.deep.equal({ x: [1], y: [[1, 2]], p: [5], q: [6] });
      expect(shown.loaded.columns.map(({ section }) => section)).to.deep.equal([
        ...['input', 'input', 'constants', 'constants'],
      ]);
    });
  });

  describe('files that mean ill', () => {
    it('of YAML that multiplies are refused', async () => {
      const letters = 'bcdefghi'.split('');
      const bomb = letters.map(
        (c, at) =>
          `${c}: &${c} [${Array(9)
            .fill(`*${'abcdefgh'[at] ?? ''}`)
            .join(',')}]`,
      );
      expect(await refused(`a: &a [lol]\n${bomb.join('\n')}\n`)).to.contain('alias');
      expect(await refused('['.repeat(5000))).to.contain('Error reading yaml file');
      expect(await refused(`a: ${'x'.repeat(2 ** 20)}`)).to.contain('at most');
    });

    it('say the line and the column of what is wrong', async () => {
      expect(await refused('input:\n  a: b: c\n')).to.contain('line 2, column 6');
      expect(await refused('- a\n')).to.contain('mapping');
      expect(await refused('')).to.equal(`No data found in "${world.root}/table.yml".`);
    });

    it('name a key that nobody knows, and the nearest that is known', async () => {
      const detail = await refused('input: {type: csv, filenam: x.csv, index: k}');
      expect(detail).to.contain('"filenam"').and.to.contain('Did you mean "filename"?');
      expect(await refused('input: {type: csv, filename: x.csv, index: [k]}')).to.equal(
        '"index" should be a string in interface.',
      );
    });

    it('reach nothing outside of the roots', async () => {
      const outside = await temporaryFolder('outside');
      await writeFile(join(outside, 'secret.csv'), 'k,x\na,1\n');
      await writeFile(join(outside, 'secret.yml'), 'title: x\n');
      await mkdir(join(world.root, 'links'), { recursive: true });
      await symlink(join(outside, 'secret.csv'), join(world.root, 'links/file.csv'));
      await symlink(outside, join(world.root, 'links/folder'));
      const escapes = [
        `{type: csv, filename: ${outside}/secret.csv, index: k}`,
        `{type: csv, directory: ../.., filename: secret.csv, index: k}`,
        '{type: csv, directory: links, filename: file.csv, index: k}',
        '{type: csv, directory: links/folder, filename: secret.csv, index: k}',
        `{type: csv, base_directory: ${outside}, directory: ., filename: secret.csv, index: k, allowed_roots: [/]}`,
        `{type: csv, directory: $OUT, filename: secret.csv, index: k}`,
        `{type: csv, directory: ~, filename: secret.csv, index: k}`.replace('~', '"~"'),
        `{type: directory, source: {directory: "${outside}"}, index: k}`,
        `{type: list, filename: ["${outside}/secret.csv"], index: k}`,
      ];
      const environment = { OUT: outside, HOME: outside };
      for (const section of escapes) {
        await world.write('escape.yml', `input: ${section}\n`);
        const loading = world.load({ interface_file: 'escape.yml' }, { environment });
        const error = await failure(loading, 'interface_invalid');
        expect(error.fields, section).to.include({ reason: 'path_escape' });
        expect(error.detail).to.match(new RegExp(`is not under allowed roots \\['${world.root}'\\]$`));
      }
      await world.write('heir.yml', `inherit: {directory: "${outside}", filename: secret.yml}\n`);
      await failure(world.load({ interface_file: 'heir.yml' }), 'interface_invalid');
      await failure(world.load({ interface_file: 'links/folder/secret.yml' }), 'invalid_params');
      await failure(world.load({ data_source: { type: 'csv', filename: '/etc/passwd' } }), 'invalid_params');
    });

    it('are not read when they are no files', async () => {
      await mkdir(join(world.root, 'folder.csv'));
      expect(await refused('input: {type: csv, filename: folder.csv, index: k}')).to.contain('a folder');
    });
  });

  it('takes one top-level key as the whole', async () => {
    await world.write('many.yml', `one:\n  input: ${local('k', '{k: a, x: 1}')}\n`);
    const loaded = await world.load({ interface_file: 'many.yml', interface_field: 'one' });
    expect((await world.show(loaded)).columns).to.deep.equal(['x']);
    const wrong = world.load({ interface_file: 'many.yml', interface_field: 'two' });
    expect((await failure(wrong, 'interface_invalid')).detail).to.equal(
      `Field "two" specified but not found in file "${world.root}/many.yml"`,
    );
  });

  it('tells what was read and how far it is', async () => {
    await world.write('s/data.csv', 'k,x\na,1\n');
    await world.write('s/s.yml', 'input: {type: csv, directory: ., filename: data.csv, index: k}');
    const loaded = await world.load({ interface_file: 's.yml', directory: 's' });
    expect(loaded.sources.map(({ path }) => path)).to.deep.equal([
      join(world.root, 's/s.yml'),
      join(world.root, 's/data.csv'),
    ]);
    expect(world.told).to.include('Reading section "input" (csv).').and.to.include('Loaded.');
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    stop.abort('timeout');
    await failure(
      world.load({ data_source: { type: 'fake', nrows: 10, cols: ['name'] } }, { signal: stop.signal }),
      'timeout',
    );
  });
});
