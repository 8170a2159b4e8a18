using Sluice.Cli;
using Sluice.Cli.Sessions;

return await SluiceTool.RunAsync(args, static workers => new SluiceVisitEngines(workers)).ConfigureAwait(false);
