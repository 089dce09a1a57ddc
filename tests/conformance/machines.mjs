// Plays the histories of state machines on the classes of syncline/tools, as a program does. Pure: runs in Node and in a page.

/** Plays the steps of `args` (read from its notation); returns the outputs of each, as the decision `machines` does. */
export function playMachines(tools, args) {
  const how = { ...args.machines };
  const machines = Object.fromEntries(Object.entries(how).map(([name, options]) => [name, open(tools, options)]));
  const outputs = [];
  for (const { on, at, ...step } of args.steps) {
    const input = filled(step, outputs);
    if (input.type === "crash") {
      const { type: _, ...more } = input;
      how[on] = { ...how[on], ...more };
      machines[on] = open(tools, how[on]);
      outputs.push([stateOf(how[on].kind, machines[on])]);
    } else {
      outputs.push(handle(tools, machines[on], input, at));
    }
  }
  return outputs;
}

function open(tools, { kind, name, room, members, horizon, now_ms, recover, prepare_ms, retry_ms, log }) {
  const options = { log, prepareMs: prepare_ms, retryMs: retry_ms };
  if (kind === "coordinator") return new tools.Coordinator(name, options);
  if (kind === "participant") return new tools.Participant(room, options);
  return new tools.RetirementDriver(members, horizon, now_ms, { recover });
}

function stateOf(type, machine) {
  if (type === "coordinator") return { type, records: machine.records, active: machine.active };
  if (type === "participant") return { type, records: machine.records, in_doubt: machine.inDoubt };
  return { type, over: machine.isOver };
}

/** Calls the method that is there for the input. */
function handle(tools, machine, input, at) {
  try {
    const { type, tx } = input;
    if (type === "message" && "from" in input) return machine.message(input.from, input.message, at);
    if (type === "message") return machine.message(input.message, at);
    if (type === "begin") return machine.begin(tx, input.parts, at);
    if (type === "validated") return machine.validated(tx, at, input.refusal);
    if (type === "forced" || type === "applied") return machine[type](tx, at);
    return type === "tick" ? machine.tick(at) : machine.handle(input, at);
  } catch (error) {
    if (!(error instanceof tools.SynclineError)) throw error;
    return [{ type: "refused", code: error.code.replaceAll("-", "_") }];
  }
}

/** Puts messages and records in the place of references to earlier outputs. */
function filled(step, outputs) {
  const resolved = (place, name) => (Array.isArray(place) ? outputs[place[0]][place[1]][name] : place);
  const input = { ...step };
  if ("message" in input) input.message = resolved(input.message, "message");
  if ("log" in input) input.log = input.log.map((place) => resolved(place, "record"));
  return input;
}
