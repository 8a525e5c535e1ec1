/** `sojourn/types`: every interface, schema and table, listed by the file they stand in. Start reading here. */
export { IClock, IFiles, IIds, ILog, ISpawner } from './ports.js';
export type {
  ChildProcess,
  Disposable,
  ExitStatus,
  FileAttributes,
  FileEntry,
  FileOwner,
  FileStat,
  HeldDirectory,
  HeldFile,
  LogFields,
  SpawnOptions,
  Timer,
} from './ports.js';
export {
  byteAnswerSchema,
  fileContentSchema,
  fileEntrySchema,
  fileListSchema,
  isByteAnswer,
} from './files.js';
export type {
  ByteAnswer,
  ByteBody,
  ByteStream,
  FileContent,
  FileList,
  ISessionFiles,
  ReceivedFile,
  WorkspaceFileEntry,
  WrittenFile,
} from './files.js';
export { errors, errorTable, isSojournError, SojournError } from './errors.js';
export type { ErrorCode, ErrorKind } from './errors.js';
export {
  epochCauseSchema,
  eventBodySchema,
  executionErrorSchema,
  mimeBundleSchema,
  notKeptSchema,
  resultStatusSchema,
  sessionEventSchema,
} from './events.js';
export type {
  EpochCause,
  ExecutionError,
  MimeBundle,
  NotKept,
  OutputEventBody,
  ResultStatus,
  SessionEvent,
  SessionEventBody,
} from './events.js';
export {
  createSessionSchema,
  durabilitySchema,
  executeResultSchema,
  failureSchema,
  interruptReportSchema,
  ISessionPool,
  isolationSchema,
  rebuildSchema,
  recoverySchema,
  sessionIdPattern,
  sessionIdRule,
  sessionIdSchema,
  sessionMetadataSchema,
  sessionRecordSchema,
  sessionStatusSchema,
  statelessResultSchema,
  storedSessionIdSchema,
  writeReceiptSchema,
} from './session.js';
export type {
  CreateSession,
  Durability,
  EventPage,
  ExecuteResult,
  InterruptReport,
  ISessionInstance,
  Isolation,
  Rebuild,
  Recovery,
  SessionMetadata,
  SessionPatch,
  SessionRecord,
  SessionState,
  SessionStatus,
  StatelessResult,
  WriteCall,
  WriteReceipt,
} from './session.js';
export { machineHealthSchema, responsivenessSchema, sessionHealthSchema } from './health.js';
export type {
  HealthStatus,
  MachineHealth,
  ProcessHealth,
  Responsiveness,
  SessionHealth,
  Vitals,
} from './health.js';
export {
  ISessionMonitor,
  latencySchema,
  metricsPointSchema,
  operationReportSchema,
  serverReportSchema,
  sessionReportSchema,
} from './monitor.js';
export type {
  AggregateMetrics,
  CacheReport,
  KindReport,
  Latency,
  MetricsPoint,
  OperationReport,
  ServerReport,
  SessionMetrics,
  SessionReport,
  TransportReport,
} from './monitor.js';
export {
  conditionKeys,
  defineServerOperation,
  defineSessionOperation,
  ICatalogue,
  ITransport,
  journaledKeys,
  optionKeysOf,
  turnKeys,
  writeOptionsSchema,
} from './operation.js';
export type {
  Access,
  CallContext,
  HttpAlias,
  MediaForm,
  Operation,
  OperationShape,
  Principal,
  ServerOperation,
  SessionCall,
  SessionOperation,
  TransportHost,
  Wire,
  WireBytes,
  WriteConditions,
  WriteOptionKey,
  WriteOptions,
} from './operation.js';
export { defineEngine, defineEngineOperation, defineStatelessOperation, IEngines } from './engine.js';
export type {
  CacheCounts,
  CheckpointContent,
  CheckpointSource,
  EngineCapabilities,
  EngineContext,
  EngineDeath,
  EngineDefinition,
  EngineOperation,
  ExecuteOutcome,
  ExecuteRequest,
  ICapture,
  IEngine,
  InterruptReason,
  PartSink,
  RestoreReport,
  RunContext,
  StatelessOperation,
} from './engine.js';
export {
  checkpointNodeSchema,
  checkpointNoteSchema,
  checkpointRecordSchema,
  defineStore,
  ISessionStore,
  partRefSchema,
} from './store.js';
export { AccessMode, accessModeSchema } from './concurrency.js';
export type { ActiveClient, ClientName, IConcurrencyManager } from './concurrency.js';
export { shareRecordSchema } from './sharing.js';
export type { EndedAccess, IAuthenticator, ShareRecord } from './sharing.js';
export type { AroundCall, AskedCall, Extension } from './extension.js';
export { inputReceiptSchema, inputRequestSchema } from './input.js';
export type { InputCall, InputReceipt, InputRequest } from './input.js';
export type {
  Append,
  CheckpointNode,
  CheckpointNote,
  CheckpointRecord,
  IdempotentAnswer,
  OpenReport,
  PartPin,
  PartRef,
  SessionFork,
  SessionPage,
  SessionQuery,
  StoreDefinition,
  StoreOptions,
} from './store.js';
export { IPersistenceManager, IProcessManager, ISessionManager, IStatelessRuns } from './managers.js';
export type { ListQuery, RuntimeInfo, SessionList, StatelessRequest } from './managers.js';
export { configSchema, IConfig } from './config.js';
export type { Config, ConfigInput, ResolvedConfig } from './config.js';
export { ISessionClient } from './client.js';
export type {
  AttachedClient,
  AttachOptions,
  ByteSource,
  Camelized,
  CreateSessionOptions,
  DownloadedFile,
  EventsOptions,
  ExecuteOptions,
  ExecutionResult,
  HistoryEntry,
  ICaller,
  ISession,
  ISessionFolder,
  ISojourn,
  ListFilesOptions,
  MetricsInfo,
  MetricsOptions,
  MadeShare,
  Receipt,
  ServerMetricsInfo,
  SessionInfo,
  SessionMetricsInfo,
  Share,
  UploadOptions,
  Variable,
  WriteCallOptions,
} from './client.js';
export type * from './data-client.js';
export type * from './tables.js';
export { checkpointPolicySchema } from './checkpoint-policy.js';
export type { CheckpointPolicy } from './checkpoint-policy.js';
export * from './timeline.js';
export type { ISessionTimeline } from './timeline-client.js';
