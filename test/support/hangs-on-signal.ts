// Loaded before a program, it lets a test take that program's main loop away: on USR2 it turns in circles for ever.
process.on('SIGUSR2', () => {
  for (;;);
});
