/** Puts the built-in stores through the store contract. */
import { describeStoreContract } from '../src/contracts/store.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { memoryStore } from '../src/storage/memory.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import type { ISessionStore, StoreDefinition } from '../src/types/store.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('built-in stores', () => {
  const folders = new Map<ISessionStore, string>();

  const at = (definition: StoreDefinition, dataDir: string): ISessionStore => {
    const store = definition.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
    folders.set(store, dataDir);
    return store;
  };
  const create = async (definition: StoreDefinition) => at(definition, await temporaryFolder('store'));

  describeStoreContract('memory', { create: () => create(memoryStore) });
  describeStoreContract('sqlite', {
    create: () => create(sqliteStore),
    reopen: (store) => at(sqliteStore, folders.get(store) ?? ''),
  });
});
