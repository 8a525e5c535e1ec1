/** The whole environment of the zygote and of each kernel: clean and explicit, nothing of the server's leaks in. */

const usualFolders = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const common = (searchPath: string | undefined) => ({
  PATH: searchPath ?? usualFolders,
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  MPLBACKEND: 'Agg',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONUNBUFFERED: '1',
});

/**
 * HOME is left out: Python then finds the user's own site-packages by the user database. The fixed hash seed gives
 * sets of strings the same order in every kernel, which replaying code and comparing checkpoints relies on.
 */
export const zygoteEnvironment = (searchPath: string | undefined): Record<string, string> => ({
  ...common(searchPath),
  PYTHONHASHSEED: '0',
});

export const kernelEnvironment = (
  searchPath: string | undefined,
  workspace: string,
  kernelName: string,
  temporary: string | null,
): Record<string, string> => ({
  ...common(searchPath),
  HOME: workspace,
  SOJOURN_KERNEL: kernelName,
  // Caches of libraries are no files of the session: they are neither listed nor kept by checkpoints.
  ...(temporary === null ? {} : { TMPDIR: temporary, XDG_CACHE_HOME: `${temporary}/cache` }),
});
