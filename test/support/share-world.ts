/** A world with two sessions of one owner and the words of sharing. */
import type { Sojourn } from '../../src/client/sojourn.js';
import { silentLog, systemFiles } from '../../src/core/system.js';
import { memoryStore } from '../../src/storage/memory.js';
import type { ISession, MadeShare } from '../../src/types/client.js';
import type { Principal } from '../../src/types/operation.js';
import type { IAuthenticator } from '../../src/types/sharing.js';
import type { ISessionStore } from '../../src/types/store.js';
import { DrivenClock } from './driven-clock.js';
import { counter } from './session-words.js';
import { openWorld } from './world.js';
import type { World, WorldOptions } from './world.js';

export class ShareWorld {
  private constructor(
    readonly clock: DrivenClock,
    readonly store: ISessionStore,
    /** Of the process that runs now. */
    public world: World,
  ) {}

  /** With the sessions `a`, whose total is 4, and `other`, both of `me`. */
  static async open(options: WorldOptions = {}): Promise<ShareWorld> {
    const clock = new DrivenClock();
    const store = memoryStore.create({ dataDir: '', clock, log: silentLog, files: systemFiles });
    await store.open();
    const opened = new ShareWorld(clock, store, await openWorld({ clock, store, ...options }));
    for (const sessionId of ['a', 'other'])
      await opened.world.as('me').createSession({ ...counter, sessionId });
    await opened.mine.execute('add 4');
    return opened;
  }

  get mine(): ISession {
    return this.world.as('me').session('a');
  }

  get door(): IAuthenticator {
    const found = this.world.extensions.find(({ authenticator }) => authenticator)?.authenticator;
    if (!found) throw new Error('nobody knows shares');
    return found;
  }

  /** As after the death of the process. */
  async restart(): Promise<void> {
    await this.world.crash();
    const { clock, store } = this;
    this.world = await openWorld({ clock, store, dataDir: this.world.dataDir });
  }

  principalOf(token: string): Promise<Principal | null> {
    return this.door.principalOf(token);
  }

  async holderOf(token: string, clientId?: string): Promise<Sojourn> {
    const principal = await this.principalOf(token);
    if (!principal) throw new Error('the token is worth nothing');
    return this.world.asPrincipal(principal, clientId);
  }

  async share(
    mode: 'readonly' | 'readwrite' = 'readonly',
    ttlS?: number,
  ): Promise<MadeShare & { client: Sojourn }> {
    const made = await this.mine.share({ mode, ...(ttlS === undefined ? {} : { ttlS }) });
    return { ...made, client: await this.holderOf(made.token) };
  }
}
