/** What the server process takes of the machine; sessions with processes of their own are not in it. */

export interface ProcessUsage {
  readonly memoryBytes: number;
  readonly cpuS: number;
}

export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { memoryBytes: process.memoryUsage.rss(), cpuS: (user + system) / 1e6 };
}
