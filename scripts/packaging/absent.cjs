// Stands for a package that is no part of any program.
throw new Error('it is no part of this program');
