/** Fields of interface files and talks, tables read and records written without a session. */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Cell } from '../src/engines/data/cells.js';
import { readData, readInterfaceField, talkField } from '../src/engines/data/load/interface-field.js';
import { writeData } from '../src/engines/data/load/write-data.js';
import { failure, loadWorld } from './support/data-load-world.js';
import type { LoadWorld } from './support/data-load-world.js';

describe('data without a session', () => {
  let world: LoadWorld;
  before(async () => {
    world = await loadWorld();
    await cp(fileURLToPath(new URL('./fixtures/data', import.meta.url)), world.root, { recursive: true });
  });
  after(() => world.close());

  it('a field of an interface file comes with what is inherited', async () => {
    const field = (file: string, name: string) =>
      readInterfaceField({ interface_file: file }, name, world.context);
    expect(await field('01-csv.yml', 'title')).to.equal('People');
    expect(await field('01-csv.yml', 'absent')).to.equal(null);
    expect(await field('11-child.yml', 'keywords')).to.deep.equal(['p1', 'p2', 'c1']);
    expect(await field('11-child.yml', 'title')).to.equal('Parent');
    expect(await field('11-child.yml', 'secret')).to.equal(null);
    expect(await field('11-child.yml', '__proto__')).to.equal(null);
    expect((await failure(field('none.yml', 'title'), 'file_not_found')).detail).to.equal(
      `No configuration file found at "${world.root}/none.yml".`,
    );
  });

  it('a field of a talk comes from the talk, else from the first configuration that is there', async () => {
    const talk = (field: string, file: string, configurations: string[] = []) =>
      talkField(
        { field, markdown_file: file, config_files: configurations },
        { ...world.context, environment: { WHO: 'Ada' } },
      );
    expect(await talk('title', 'talks/a.md')).to.equal('First talk');
    expect(await talk('categories', 'talks/a.md')).to.equal("['maths', 'logic']");
    expect(await talk('absent', 'talks/a.md')).to.equal('');
    expect(await talk('title', 'talks/none.md', ['none.yml', '01-csv.yml'])).to.equal('People');
    await world.write('t.md', '---\nwho: by $WHO and ${OTHER}\nday: 2024-01-02\n---\n');
    expect(await talk('who', 't.md')).to.equal('by Ada and ${OTHER}');
    expect(await talk('day', 't.md')).to.equal('2024-01-02');
    await failure(talk('title', '../x.md'), 'invalid_params');
  });

  it('a table is read with its index as a column', async () => {
    const { records, ...rest } = await readData({ interface_file: '01-csv.yml' }, world.context);
    expect(rest).to.deep.equal({
      columns: ['name', 'age', 'city', 'email', 'active'],
      shape: [4, 5],
      dtypes: { name: 'object', age: 'int64', city: 'object', email: 'object', active: 'bool' },
    });
    const second = { name: 'Alan', age: 41, city: 'Manchester', email: null, active: false };
    expect(records[1]).to.deep.equal(second);
    const source = { type: 'fake', nrows: 2, cols: ['name', 'email'] };
    expect((await readData({ data_source: source }, world.context)).shape).to.deep.equal([2, 2]);
    expect(await world.tables()).to.deep.equal([]);
  });

  it('a table that cannot be read is refused in the recorded words', async () => {
    const words = async (request: object, code: 'invalid_params' | 'interface_invalid') =>
      (await failure(readData(request, world.context), code)).detail;
    expect(await words({}, 'invalid_params')).to.equal(
      "Request must include either 'interface_file' or 'data_source'",
    );
    expect(await words({ interface_file: 'bad-nodata.yml' }, 'interface_invalid')).to.equal(
      "Interface has no 'input' section",
    );
    expect(await words({ data_source: { nrows: 1 } }, 'interface_invalid')).to.equal(
      'Field "type" missing in data source details for read_data, details are given as "nrows".',
    );
  });

  describe('writing', () => {
    const records: Record<string, Cell>[] = [
      { a: 1, b: 'x, "y"', c: null },
      { a: 2.5, b: 'two\nlines', c: true },
    ];
    const write = (output: Record<string, Cell>, rows = records, columns?: string[]) =>
      writeData({ data: { records: rows, columns }, output }, world.context);
    const text = (name: string) => readFile(join(world.root, name), 'utf8');
    const again = async (type: string, filename: string) =>
      (await world.show(await world.load({ data_source: { type, filename } }))).cells;

    it('selects and orders columns', async () => {
      expect(await write({ type: 'csv', filename: 'w.csv' }, records, ['b', 'a'])).to.equal(2);
      expect(await text('w.csv')).to.equal('b,a\n"x, ""y""",1\n"two\nlines",2.5\n');
    });

    it('gives what its readers read', async () => {
      const cells = { a: [1, 2.5], b: ['x, "y"', 'two\nlines'], c: [null, true] };
      for (const [type, name] of [
        ['csv', 'r.csv'],
        ['json', 'r.json'],
        ['yaml', 'r.yml'],
      ] as const) {
        await write({ type, filename: name, directory: 'made/here' });
        expect(await again(type, `made/here/${name}`), type).to.deep.equal(cells);
      }
      await write({ type: 'excel', filename: 'r.xlsx', sheet: 'Sheet1' });
      expect((await again('excel', 'r.xlsx'))['a']).to.deep.equal([1, 2.5]);
      expect(await text('made/here/r.yml'))
        .to.contain('b: |-\n')
        .and.not.to.contain('c: null');
    });

    it('writes bibtex with keys that are unique', async () => {
      const entry = { ENTRYTYPE: 'book', ID: 'k1', title: 'T', year: null };
      await write({ type: 'bibtex', filename: 'r.bib' }, [entry]);
      expect(await text('r.bib')).to.equal('@book{k1,\n title = {T}\n}\n');
      await failure(write({ type: 'bibtex', filename: 'r.bib' }, [entry, entry]), 'data_error');
      await failure(write({ type: 'bibtex', filename: 'r.bib' }, [{ ...entry, ID: 'k 1' }]), 'data_error');
    });

    it('writes a file for each record', async () => {
      const talk = {
        sourceFilename: 'n.md',
        sourceDirectory: 'new',
        title: 'T',
        content: 'Body',
        skip: null,
      };
      await write({ type: 'markdown_directory' }, [talk]);
      expect(await text('new/n.md')).to.equal('---\ntitle: T\n---\n\nBody\n');
      await write({ type: 'meta_directory', directory: 'new' }, [{ sourceFilename: 'n.md', kind: 'yes' }]);
      expect(await text('new/n.md.yml')).to.equal('kind: "yes"\n');
      await failure(
        write({ type: 'yaml_directory' }, [{ sourceFilename: '../x', a: 1 }]),
        'interface_invalid',
      );
      const outside = { sourceFilename: 'x', sourceDirectory: '../..', a: 1 };
      await failure(write({ type: 'yaml_directory' }, [outside]), 'invalid_params');
    });

    it('refuses what it cannot write, in the recorded words', async () => {
      expect((await failure(write({ type: 'nope' }), 'interface_invalid')).detail).to.equal(
        'Unknown type "nope" in write_data.',
      );
      const nothing = writeData({ data: { records: [] } }, world.context);
      expect((await failure(nothing, 'invalid_params')).detail).to.equal(
        "Request must include both 'data' and 'output'",
      );
      await failure(write({ filename: 'x.csv' }), 'interface_invalid');
      await failure(write({ type: 'gsheet' }), 'not_supported');
      await failure(write({ type: 'csv', filename: '../x.csv' }), 'invalid_params');
    });
  });
});
