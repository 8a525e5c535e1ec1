/** All operations that read a data session through DuckDB. */
import type { EngineOperation } from '../../../types/engine.js';
import type { DataEngine } from '../data-engine.js';
import { correlationOperation } from './correlation.js';
import { duplicatesOperation } from './duplicates.js';
import { sqlOperation } from './sql.js';
import { groupOperation } from './grouping.js';
import { pivotOperation } from './pivot.js';
import { headOperation, sampleOperation, searchOperation, tailOperation } from './rows.js';
import { describeOperation, statsOperations } from './stats.js';
import { nullsOperation, outliersOperation, uniqueOperation } from './values.js';

export const analysisOperations: readonly EngineOperation<DataEngine>[] = [
  ...statsOperations,
  describeOperation,
  uniqueOperation,
  nullsOperation,
  duplicatesOperation,
  outliersOperation,
  headOperation,
  tailOperation,
  sampleOperation,
  searchOperation,
  groupOperation,
  pivotOperation,
  correlationOperation,
  sqlOperation,
];
