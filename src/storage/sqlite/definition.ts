/** The embedded default store as a plugin: one SQLite database and a folder of part files below the data folder. */
import { defineStore } from '../../types/store.js';
import { SqliteStore } from './sqlite-store.js';

export const sqliteStore = defineStore({
  name: 'sqlite',
  apiVersion: 1,
  persistent: true,
  create: (options) => new SqliteStore(options),
});
