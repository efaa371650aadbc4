/** What is known of programs that command lines name. */

/** Allowed where the manifest names none: they read what they are given, and run nothing. */
export const READING_PROGRAMS: readonly string[] = ["basename", "cat", "cmp", "cut", "date", "df", "diff", "dirname", "du", "echo", "false", "file", "grep", "head", "hostname", "id", "ls", "md5sum", "printf", "pwd", "realpath", "seq", "sha256sum", "stat", "tail", "tr", "true", "uname", "wc", "whoami"];

export const SYSTEM_PATH: readonly string[] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Options by which a program runs others, writes where nobody sees it, or takes its settings from elsewhere. */
export const EXECUTING: Readonly<Record<string, RegExp>> = {
  git: /^(?:-c(?:.*)?|--config-env.*|--exec-path.*|--upload-pack.*|--receive-pack.*|-u.+|--exec.*|-O.*|--open-files-in-pager.*|--ext-diff|--textconv|--git-dir.*|--work-tree.*|--template.*|--output.*|-x.+|ext::.*|difftool|mergetool|bisect|filter-branch|rebase|submodule|hook|daemon|instaweb|config|p4|svn|send-email)$/,
  find: /^-(?:exec|execdir|ok|okdir|delete|fprint.*|fls)$/,
  fd: /^(?:-x|-X|--exec.*)$/,
  rg: /^(?:--pre(?:=.*)?|--hostname-bin.*|-z|--search-zip)$/,
  grep: /^(?!)/,
  tar: /^(?:--to-command.*|--checkpoint-action.*|-I.*|--use-compress-program.*|--rsh-command.*|-F.*|--info-script.*|--new-volume-script.*|-P|--absolute-names)$/,
  rsync: /^(?:-e.*|--rsh.*|--rsync-path.*)$/,
  ssh: /^-o.*$/,
  scp: /^-[oS].*$/,
  sort: /^(?:--compress-program.*|-o.*|--output.*|-T.*)$/,
  man: /^(?:-P.*|--pager.*|-H.*)$/,
  less: /^\+.*$/,
  vim: /^(?:-c.*|\+.*|-S.*|--cmd)$/,
  sed: /^(?:-i.*|--in-place.*|-n?e?.*;?\s*[ewr]\s.*|.*\/e$)$/,
  zip: /^(?:-TT.*|--unzip-command.*)$/,
  docker: /^(?!(?:ps|images|logs|inspect|version|info|top|stats|port|diff|history)$)[a-z]+$/,
  npm: /^(?:run.*|exec|x|start|test|install|i|ci|add|--node-options.*|--script-shell.*)$/,
  curl: /^(?:-o.*|-O|--output.*|-K.*|--config.*|-T.*|--upload-file.*)$/,
  date: /^(?:-s.*|--set.*)$/,
  hostname: /^(?!-)/,
  file: /^(?:-C|--compile|-m.*|--magic-file.*)$/,
  env: /^/,
  xargs: /^/,
};

/** How many plain words of a program are no files: patterns, texts, formats. */
export const FREE_WORDS: Readonly<Record<string, number>> = { echo: Infinity, printf: Infinity, grep: 1, egrep: 1, fgrep: 1, rg: 1, sed: 1, awk: 1, tr: Infinity, seq: Infinity, basename: Infinity, dirname: Infinity, expr: Infinity, jq: 1, id: Infinity, uname: Infinity, true: Infinity, false: Infinity };
