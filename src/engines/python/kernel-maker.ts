/**
 * Makes kernels from one zygote: forks them, has them locked in, and tells them whose session they hold. Some are made
 * ahead, up to that word, so that a new session finds one waiting.
 */
import { basename, dirname, join } from 'node:path';
import type { EngineContext } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { ExitStatus } from '../../types/ports.js';
import { kernelEnvironment } from './environment.js';
import type { FrameChannel } from './frame-channel.js';
import type { KernelDoor } from './kernel-door.js';
import type { CopyConnection, Heir, KernelProcess } from './kernel-process.js';
import { Lease, UidPool } from './lease.js';
import type { PythonEngineOptions } from './options.js';
import { kernelReadySchema } from './protocol.js';
import { assertGiven, canFork, temporaryRoot } from './sandbox.js';
import type { SandboxFacts, SandboxProfile } from './sandbox.js';
import { unavailable } from './zygote-process.js';
import type { CopyOrder, ZygoteProcess } from './zygote-process.js';

/** The folders of one kernel, which move once if it was made ahead. */
interface Place {
  workspace: string;
  temporary: string | null;
}

/** A kernel that is locked in. */
export interface Born {
  readonly kernel: string;
  readonly process: KernelProcess;
  readonly place: Place;
}

/** Of the folders of kernels that no session has yet. */
export const sparePrefix = '.spare-';
/** Of the folders in which packages are installed before a session gets them. */
export const installPrefix = '.install-';

/** What a kernel is to be made for. */
export type KernelPlace = Pick<EngineContext, 'workspace' | 'uid' | 'family'>;

type Params = Readonly<Record<string, unknown>>;
type Known = Pick<KernelProcess, 'pid' | 'uid' | 'channel' | 'exited' | 'lease' | 'profile'> & {
  place: Place;
};

export class KernelMaker {
  private readonly uids: UidPool | null;

  constructor(
    private readonly options: PythonEngineOptions,
    readonly door: KernelDoor,
    readonly zygote: ZygoteProcess,
    readonly facts: SandboxFacts,
  ) {
    // Null: kernels run under the server's own uid.
    this.uids = facts.uids && new UidPool(facts.uids);
  }

  /** A kernel of this session. @throws engine_unavailable */
  async start(context: KernelPlace, profile: SandboxProfile): Promise<KernelProcess> {
    const begin = (born: Pick<Born, 'kernel' | 'place'>, channel: FrameChannel) =>
      this.tell(born, channel, context);
    return (await this.make(context.workspace, context.family, profile, begin)).process;
  }

  /** A kernel of no session yet, in a workspace that is made for it. @throws engine_unavailable */
  async startAhead(profile: SandboxProfile): Promise<Born> {
    const { ids, files, sandbox } = this.options;
    const name = `${sparePrefix}${ids.uid()}`;
    const workspace = join(sandbox.workspaces, name, name);
    await files.makeDirectory(workspace, 0o700);
    return this.make(workspace, name, profile, () => undefined);
  }

  /**
   * Gives a kernel that was made ahead to a session whose workspace is empty: its own folders take the place of the
   * session's, for its sandbox knows no others. False when the session has files, or others of its family have, or a
   * kernel that is gone has not been cleared away yet.
   */
  async give({ kernel, process, place }: Born, context: KernelPlace): Promise<boolean> {
    const { files, runDir } = this.options;
    const [family, spareFamily] = [dirname(context.workspace), dirname(place.workspace)];
    const temporary = join(temporaryRoot(runDir), context.family);
    const [relatives, found, former] = await Promise.all([
      files.list(family),
      files.list(context.workspace),
      files.stat(temporary),
    ]);
    if (relatives.length > 1 || found.length > 0 || former !== null) return false;
    await files.removeOne(context.workspace);
    await files.rename(spareFamily, family);
    await files.rename(join(family, basename(place.workspace)), context.workspace);
    if (place.temporary !== null) {
      await files.rename(dirname(place.temporary), temporary);
      place.temporary = join(temporary, basename(place.temporary));
    }
    place.workspace = context.workspace;
    this.tell({ kernel, place }, process.channel, context);
    return true;
  }

  /**
   * Forks a living kernel for another session. `ask` tells it to, and resolves to the new process's id.
   * @throws engine_unavailable when this machine cannot give the fork a uid of its own
   */
  async fork(
    parent: KernelProcess,
    context: KernelPlace,
    ask: (params: Params) => Promise<number>,
  ): Promise<KernelProcess> {
    const { ids, searchPath } = this.options;
    const { door, zygote } = this;
    const { profile } = parent;
    if (!canFork(profile, this.facts)) throw unavailable('this machine cannot fork a living kernel');
    const { kernel, place, uid, lease } = this.occupy(context.workspace, context.family, profile);
    const [secret, ticket] = [ids.secret(), ids.secret()];
    const expected = door.expect(secret);
    try {
      await zygote.arrange(parent.pid, { kernel, socket: door.path, secret, ticket, uid, ...place });
      const environment = kernelEnvironment(searchPath, place.workspace, kernel, place.temporary);
      const pid = await ask({ ticket, uid, ...place, environment });
      const { exited } = await zygote.adopt(kernel, pid);
      void exited.then(() => lease.end());
      const channel = await this.firstOf(expected.channel, exited, () => zygote.kill(pid), adopted);
      await zygote.confirm(pid);
      return this.process({ pid, uid, channel, exited, lease, profile, place });
    } catch (error) {
      zygote.cancel(kernel);
      lease.end();
      throw error;
    } finally {
      expected.cancel();
    }
  }

  private async make(
    workspace: string,
    family: string,
    profile: SandboxProfile,
    greet: (born: Pick<Born, 'kernel' | 'place'>, channel: FrameChannel) => void,
  ): Promise<Born> {
    const { ids, sandbox } = this.options;
    const { door, zygote } = this;
    assertGiven(profile, sandbox, this.facts);
    const { kernel, place, uid, lease } = this.occupy(workspace, family, profile);
    const { temporary } = place;
    const secret = ids.secret();
    const expected = door.expect(secret);
    try {
      const { pid, exited } = await zygote.fork({
        kernel,
        socket: door.path,
        secret,
        workspace,
        sandbox: temporary === null ? null : { profile, uid, temporary, tolerant: sandbox.mode === 'auto' },
      });
      void exited.then(() => lease.end());
      const channel = await this.firstOf(
        expected.channel,
        exited,
        () => zygote.kill(pid),
        (opened) => greet({ kernel, place }, opened),
      );
      return { kernel, place, process: this.process({ pid, uid, channel, exited, lease, profile, place }) };
    } catch (error) {
      lease.end();
      throw error;
    } finally {
      expected.cancel();
    }
  }

  private tell(
    { kernel, place }: Pick<Born, 'kernel' | 'place'>,
    channel: FrameChannel,
    context: KernelPlace,
  ): void {
    const { workspace, temporary } = place;
    const environment = kernelEnvironment(this.options.searchPath, workspace, kernel, temporary);
    channel.send({ op: 'begin', workspace, environment, seed: context.family });
  }

  /** A name, folders and a uid, held until the kernel and all copies of it are gone. */
  private occupy(workspace: string, family: string, profile: SandboxProfile) {
    const { ids, runDir } = this.options;
    const kernel = `k${ids.uid()}`;
    const isLocked = profile !== 'off';
    const uid = isLocked ? (this.uids?.take() ?? null) : null;
    const place: Place = {
      workspace,
      temporary: isLocked ? join(temporaryRoot(runDir), family, kernel) : null,
    };
    return { kernel, place, uid, lease: this.lease(uid, place) };
  }

  private lease(uid: number | null, place: Place): Lease {
    const { files, log } = this.options;
    return new Lease({
      sweep: (spare) => {
        if (uid !== null) this.zygote.sweep(uid, spare);
      },
      release: async () => {
        try {
          // A uid under which something still runs is never handed out again by this zygote.
          if (uid !== null && (await this.zygote.release(uid, place.workspace))) this.uids?.giveBack(uid);
          if (place.temporary === null) return;
          await files.remove(place.temporary);
          // Not empty while another of the family lives.
          await files.removeOne(dirname(place.temporary)).catch(() => undefined);
        } catch (error) {
          log.warn({ err: error }, 'the temporary folder of a kernel could not be removed');
        }
      },
    });
  }

  private process(known: Known): KernelProcess {
    const { zygote } = this;
    const { pid, uid, place } = known;
    return {
      ...known,
      // A kernel that was made ahead moves when it is given to a session.
      get temporary() {
        return place.temporary;
      },
      signal: (request, signal, group) => zygote.signal(pid, request, signal, group),
      kill: (spare) => zygote.kill(pid, spare),
      killCopy: (copy) => zygote.killCopy(pid, copy),
      connectCopy: () => this.connect((order) => zygote.connect(pid, order)),
      connectHeir: async () => {
        const heir = `k${this.options.ids.uid()}`;
        const connection = await this.connect((order) => zygote.bear(pid, { heir, ...order }));
        return { ...connection, heir: this.heir(heir, known) };
      },
      give: (folder) => zygote.give(folder, uid),
    };
  }

  private heir(name: string, kernel: Known): Heir {
    const { zygote } = this;
    return {
      find: () => zygote.find(name),
      wake: (channel) => this.wake(name, kernel, channel),
      drop: () => zygote.drop(name),
    };
  }

  private async wake(heir: string, former: Known, channel: FrameChannel): Promise<KernelProcess> {
    const { zygote } = this;
    const { lease, place } = former;
    const { pid, exited } = await zygote.wake(heir, place.workspace);
    lease.renew();
    void exited.then(() => lease.end());
    const coming = Promise.resolve(channel);
    await this.firstOf(coming, exited, () => zygote.kill(pid), woken);
    return this.process({ ...former, pid, channel, exited });
  }

  private async connect(ask: (order: CopyOrder) => Promise<void>): Promise<CopyConnection> {
    const { ids } = this.options;
    const [secret, ticket] = [ids.secret(), ids.secret()];
    const expected = this.door.expect(secret);
    try {
      await ask({ socket: this.door.path, secret, ticket });
      return { expected, ticket };
    } catch (error) {
      expected.cancel();
      throw error;
    }
  }

  private firstOf(
    coming: Promise<FrameChannel>,
    exited: Promise<ExitStatus>,
    kill: () => void,
    greet: (channel: FrameChannel) => void,
  ): Promise<FrameChannel> {
    const { clock, startTimeoutMs } = this.options;
    return new Promise<FrameChannel>((resolve, reject) => {
      const timer = clock.setTimer(startTimeoutMs, () => {
        kill();
        reject(unavailable(`a kernel did not answer within ${startTimeoutMs} ms`));
      });
      void coming
        .then((channel) => {
          greet(channel);
          return lockedIn(channel);
        })
        .then(resolve, reject)
        .finally(() => timer.cancel());
      void exited.then(({ code, signal }) => {
        timer.cancel();
        reject(unavailable(`a kernel ended before it was ready (${signal ?? `exit code ${code}`})`));
      });
    });
  }
}

/** A frozen copy waits for this word. */
const woken = (channel: FrameChannel): void => channel.send({ op: 'wake' });

/** A fork waits for this word before it takes the uid that was arranged for it. */
const adopted = (channel: FrameChannel): void => channel.send({ op: 'adopted' });

/** Waits for the kernel's word that its sandbox is closed. @throws engine_unavailable */
async function lockedIn(channel: FrameChannel): Promise<FrameChannel> {
  const word = kernelReadySchema.safeParse((await channel.next())?.message);
  if (word.success && word.data.failed === null) return channel;
  const reason = word.success ? word.data.failed : 'it ended before it was';
  channel.dispose();
  throw new SojournError('engine_unavailable', `A kernel could not be locked in: ${reason}.`);
}
