/** `sojourn new` for tables: a file from here, one on the server, and what is wrong with either. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { programPath, startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('tables on the command line', function () {
  this.timeout(60_000);
  let server: ServerProcess;
  let roots = '';
  let here = '';

  before(async () => {
    roots = await temporaryFolder();
    here = await temporaryFolder();
    await writeFile(join(roots, 'sales.csv'), 'id,amount\na,1\nb,2\n');
    await writeFile(
      join(roots, 'sales.yml'),
      'input: {type: csv, filename: sales.csv, directory: ".", index: id}\n',
    );
    await writeFile(join(here, 'here.csv'), 'id,amount\nc,3\n');
    server = await startServerProcess(join(await temporaryFolder(), 'data'), { SOJOURN_DATA_ROOTS: roots });
  });
  after(() => server.stop());

  async function sojourn(...args: string[]) {
    const env = { PATH: process.env.PATH ?? '', SOJOURN_URL: server.url, SOJOURN_TOKEN: server.token };
    const child = spawn(process.execPath, [programPath, ...args], { env, cwd: here });
    child.stdin.end();
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, out, err };
  }
  const amounts = async (id: string) => {
    const { out } = await sojourn('call', id, 'get_column', '{"column":"amount"}');
    return (JSON.parse(out) as { values: number[] }).values;
  };

  it('come from a file that is sent, whatever the kind is called', async () => {
    expect(
      await sojourn('new', 'data', '--id', 'sent', '--name', 'mine', '--data', 'here.csv'),
    ).to.deep.equal({
      code: 0,
      out: 'sent\n',
      err: '',
    });
    expect(await amounts('sent')).to.deep.equal([3]);
    const { out } = await sojourn('new', '--data', join(here, 'here.csv'), '--json');
    expect(JSON.parse(out)).to.deep.include({ kind: 'data', shape: [1, 2] });
  });

  it('come from an interface file or a source on the server', async () => {
    expect((await sojourn('new', '--id', 'file', '--interface', 'sales.yml')).out).to.equal('file\n');
    expect(await amounts('file')).to.deep.equal([1, 2]);
    const source = JSON.stringify({ type: 'csv', filename: 'sales.csv', directory: roots });
    expect((await sojourn('new', 'data', '--id', 'source', '--source', source)).out).to.equal('source\n');
    expect(await amounts('source')).to.deep.equal([1, 2]);
  });

  it('are refused in one line when what they come from is wrong', async () => {
    expect(await sojourn('new', '--data', 'nope.csv')).to.deep.equal({
      code: 1,
      out: '',
      err: 'sojourn: File not found: nope.csv\n',
    });
    expect((await sojourn('new', '--source', '[1]')).err).to.match(
      /^sojourn: The source must be a JSON object/,
    );
    expect((await sojourn('new', '--interface', 'nope.yml')).err).to.match(/^sojourn: .*nope\.yml.*\n$/);
  });
});
