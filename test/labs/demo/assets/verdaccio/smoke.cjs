// Asks for a package that cannot exist: a registry that works answers 404 in JSON.
fetch(`http://127.0.0.1:${process.argv[2]}/fairlead-smoke-test`)
  .then(async (answer) => {
    await answer.json();
    if (answer.status !== 404) throw new Error(`expected 404, got ${answer.status}`);
    console.log('the registry answers');
  })
  .catch((error) => {
    console.error(String(error));
    process.exit(1);
  });
