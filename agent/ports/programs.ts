// Programs of the machine and of a release: are they there, and may they be run.

/** `workingDirectory` is where a path with a slash starts. Error: service/no-program. */
export type FindProgram = (program: string, workingDirectory: string) => Promise<void>;
