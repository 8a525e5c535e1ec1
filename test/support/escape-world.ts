/**
 * A real server, a session that is to be robbed and one that attacks. An attack is a piece of Python that ends in the
 * call `attempt(...)`; it answers `refused: NAME` when the machine said no, and `done: VALUE` when it got through.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { HttpCaller } from '../../src/client/http-caller.js';
import { Sojourn } from '../../src/client/sojourn.js';
import type { ISession } from '../../src/types/client.js';
import type { ConfigInput } from '../../src/types/config.js';
import type { RunningServer } from '../../src/server.js';
import { needs } from './needs.js';
import { openServer } from './open-server.js';
import { temporaryFolder } from './temporary-folder.js';

const prelude = `
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
NO = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOENT, errno.EFBIG, errno.EAGAIN, errno.EMFILE, errno.EROFS,
      errno.EXDEV}
def attempt(work):
    try:
        return 'done: %r' % (work(),)
    except OSError as error:
        if error.errno in NO:
            return 'refused: ' + errno.errorcode[error.errno]
        return 'odd: %r' % error
    except MemoryError:
        return 'refused: MemoryError'
def call(number, *arguments):
    def work():
        ctypes.set_errno(0)
        wrapped = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
        result = libc.syscall(ctypes.c_long(number), *wrapped)
        if result == -1:
            raise OSError(ctypes.get_errno(), 'syscall')
        return result
    return attempt(work)
`;

const run = promisify(execFile);

export class EscapeWorld {
  private constructor(
    readonly server: RunningServer,
    readonly client: Sojourn,
    readonly dataDir: string,
    readonly victim: ISession,
    /** Where the victim's files lie, and its kernel runs. */
    readonly target: { workspace: string; pid: number; zygote: number; uid: number },
  ) {}

  static async open(python: ConfigInput['python'] = {}): Promise<EscapeWorld> {
    const dataDir = join(await temporaryFolder('escape'), 'data');
    const server = await openServer({ data_dir: dataDir, python });
    const { url, token } = server;
    const client = new Sojourn(new HttpCaller({ url, token: token ?? undefined, retries: 0 }));
    const victim = await client.createSession({ minIsolation: 'sandbox' });
    const { output } = await victim.execute(`import os
n = 41
with open('secret.txt', 'w') as file: file.write('of the victim')
os.chmod('secret.txt', 0o666)
print(os.getcwd(), os.getpid(), os.getppid(), os.getuid())`);
    const [workspace = '', ...numbers] = output.trim().split(' ');
    const [pid = 0, zygote = 0, uid = 0] = numbers.map(Number);
    return new EscapeWorld(server, client, dataDir, victim, { workspace, pid, zygote, uid });
  }

  /** A session that knows how to attack. */
  async attacker(options: Record<string, unknown> = {}): Promise<ISession> {
    const session = await this.client.createSession({ options });
    await session.execute(prelude);
    return session;
  }

  /** What an attack by a fresh session came to. */
  async attack(code: string, options: Record<string, unknown> = {}): Promise<string> {
    const session = await this.attacker(options);
    try {
      const { output, status, error } = await session.execute(code);
      return status === 'ok' ? output.trim() : `error: ${error?.name ?? ''} ${error?.message ?? ''}`;
    } finally {
      await session.delete();
    }
  }

  /** The attack is said no to by the machine. */
  async refuses(code: string): Promise<void> {
    expect(await this.attack(code)).to.match(/^'?refused: \w+'?$/);
  }

  /** Everything else goes on as if nothing had happened. */
  async isUnharmed(): Promise<void> {
    expect(await this.client.call('status')).to.include({ status: 'ok' });
    const { output } = await this.victim.execute(`n, open('secret.txt').read()`);
    expect(output.trim()).to.equal(`(41, 'of the victim')`);
    expect((await readdir(this.target.workspace)).sort()).to.deep.equal(['secret.txt']);
  }

  /** Process ids that run under a uid, as the machine tells. */
  async processesOf(uid: number): Promise<string[]> {
    const { stdout } = await run('ps', ['-o', 'pid=', '-u', String(uid)]).catch(() => ({ stdout: '' }));
    return stdout.split('\n').filter((line) => line.trim() !== '');
  }

  tokenFile(): Promise<string> {
    return readFile(join(this.dataDir, 'token'), 'utf8');
  }

  async close(): Promise<void> {
    await this.server.dispose();
  }
}

/** Opens one world for a suite, and looks after every test whether all others are unharmed. */
export function escapeSuite(python: ConfigInput['python'] = {}): () => EscapeWorld {
  let world: EscapeWorld;
  before(async function () {
    this.timeout(60_000);
    await needs.sandbox(this);
    world = await EscapeWorld.open(python);
  });
  afterEach(() => world.isUnharmed());
  after(() => world?.close());
  return () => world;
}

/** One test for each attack that must be refused. */
export function refusals(
  get: () => EscapeWorld,
  attacks: Record<string, (world: EscapeWorld) => string>,
): void {
  for (const [title, code] of Object.entries(attacks)) {
    it(title, () => get().refuses(code(get())));
  }
}
