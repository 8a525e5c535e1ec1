/** Interface files and paths that mean no good: each is refused in words that let the user mend it. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDataDoors } from './support/data-doors.js';
import type { DataDoors } from './support/data-doors.js';
import { refusedAs, witnessed } from './support/refusals.js';
import type { Witness } from './support/refusals.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('hostile interface files', () => {
  let doors: DataDoors;
  let witness: Witness;
  let outside: string;

  before(async () => {
    doors = await openDataDoors();
    witness = await witnessed(doors);
    outside = await temporaryFolder('outside');
    await writeFile(join(outside, 'secret.csv'), 'name,x\nsecret,1\n');
    await writeFile(
      join(outside, 'secret.yml'),
      'input: {type: local, index: i, data: {i: [1], x: [secret]}}\n',
    );
    await symlink(join(outside, 'secret.csv'), join(doors.root, 'link.csv'));
    await symlink(outside, join(doors.root, 'linked'));
    await mkdir(join(doors.root, 'inner'));
  });
  after(() => doors.close());
  afterEach(() => witness.unharmed());

  const yaml = async (content: string, name = 'hostile.yml') => {
    await writeFile(join(doors.root, name), content);
    return doors.native('POST', '/sessions', { interface_file: name });
  };

  it('with keys that nobody knows name them and the nearest one', async () => {
    const wrong = await yaml('input: {type: csv, filename: people.csv, indx: name}\n');
    refusedAs(wrong, 422, 'interface_invalid', 'indx', 'index');
    refusedAs(
      await yaml('input: {type: cvs, filename: people.csv, index: name}\n'),
      422,
      'interface_invalid',
      'cvs',
    );
  });

  it('that are broken are told with line and column', async () => {
    refusedAs(await yaml('input:\n  type: [csv\n  index: x\n'), 422, 'interface_invalid', /line \d|:\d/);
    for (const content of ['', '5', '- 1\n', 'just text'])
      refusedAs(await yaml(content), 422, 'interface_invalid');
  });

  it('that inherit from each other end', async () => {
    const section = (to: string) =>
      `input: {type: local, index: i, data: {i: [1]}}\ninherit: {directory: ., filename: ${to}}\n`;
    await writeFile(join(doors.root, 'b.yml'), section('a.yml'));
    refusedAs(await yaml(section('b.yml'), 'a.yml'), 422, 'interface_invalid', 'inherit');
    refusedAs(await yaml(section('self.yml'), 'self.yml'), 422, 'interface_invalid', 'inherit');
  });

  it('that would grow without end, or are nested without end, are refused at once', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(', ')}]`,
    );
    refusedAs(await yaml(['l0: &l0 [x]', ...levels].join('\n')), 422, 'interface_invalid');
    refusedAs(await yaml(`input: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`), 422, 'interface_invalid');
    refusedAs(await yaml(`${'{a: '.repeat(5000)}1${'}'.repeat(5000)}\n`), 422, 'interface_invalid');
    refusedAs(await yaml('a: &a [*a]\ninput: *a\n'), 422, 'interface_invalid');
    const merged = 'base: &b {<<: *b}\n';
    refusedAs(await yaml(merged), 422, 'interface_invalid');
  });

  it('and sources read nothing outside the roots, whatever leads there', async () => {
    const secret = join(outside, 'secret.csv');
    const sources: object[] = [
      { type: 'csv', filename: secret },
      { type: 'csv', filename: '../../../../../../etc/passwd' },
      { type: 'csv', filename: 'inner/../../../secret.csv' },
      { type: 'csv', filename: 'link.csv' },
      { type: 'csv', filename: 'linked/secret.csv' },
      { type: 'csv', filename: 'secret.csv', directory: outside },
      { type: 'csv', filename: 'secret.csv', directory: 'linked' },
      { type: 'csv', filename: ['people.csv', secret] },
      { type: 'auto', filename: secret },
      { type: 'list', filename: [secret] },
      { type: 'csv_directory', source: { directory: outside, glob: '*.csv' } },
      { type: 'yaml_directory', source: { directory: outside, glob: '*.yml' } },
      { type: 'yaml_directory', source: { directory: '.', glob: '../**/*.yml' } },
      { type: 'directory', source: { directory: 'linked', glob: '*' } },
      { type: 'hstack', index: 'name', specifications: [{ type: 'csv', filename: secret, index: 'name' }] },
      { type: 'vstack', specifications: [{ type: 'csv', filename: 'link.csv', index: 'name' }] },
      { type: 'parquet', filename: secret },
      { type: 'json', filename: `file://${secret}` },
      { type: 'csv', filename: 'https://example.org/x.csv' },
      { type: 'csv', filename: 's3://bucket/x.csv' },
      { type: 'csv', filename: 'people\0.csv' },
    ];
    for (const data_source of sources) {
      for (const path of ['/sessions', '/read_data']) {
        const answer = await doors.native('POST', path, { data_source });
        const told = `${path} ${JSON.stringify(data_source)}: ${JSON.stringify(answer.body).slice(0, 400)}`;
        if (answer.status < 300) {
          // A folder or pattern of which nothing is below the roots may be an empty table.
          expect(JSON.stringify(answer.body), told).not.to.include('secret,1').and.not.include('"secret"');
          expect((answer.body.shape as number[])[0], told).to.equal(0);
        } else expect(answer.status, told).to.be.oneOf([400, 404, 422]);
      }
    }
    for (const interface_file of [join(outside, 'secret.yml'), 'linked/secret.yml', '../../x.yml']) {
      const answer = await doors.native('POST', '/sessions', { interface_file });
      expect(answer.status, JSON.stringify(answer.body)).to.be.oneOf([400, 404, 422]);
    }
    const far = await doors.native('POST', '/sessions', { interface_file: 'secret.yml', directory: outside });
    expect(far.status).to.be.oneOf([400, 404, 422]);
    for (const directory of [outside, 'linked', '../..'])
      expect(
        (
          await yaml(
            `inherit: {directory: "${directory}", filename: secret.yml}\ninput: {type: local, index: i, data: {i: [1]}}\n`,
          )
        ).status,
      ).to.be.oneOf([400, 404, 422]);
  });

  it('cannot have output written outside the roots', async () => {
    for (const filename of [join(outside, 'made.csv'), '../made.csv', 'linked/made.csv', 'link.csv']) {
      const output = { type: 'csv', filename };
      const { status, body } = await doors.native('POST', '/write_data', {
        data: { records: [{ a: 1 }] },
        output,
      });
      expect(status, `${filename}: ${JSON.stringify(body)}`).to.be.oneOf([400, 404, 422]);
    }
  });
});
