namespace Sluice.Cli.Demo.Embedded;

/// <summary>One worker at a moment.</summary>
/// <param name="Merged">Events, since the start.</param>
/// <param name="Waiting">Events that its broker still has.</param>
/// <param name="References">Pages that the server knows it to hold.</param>
internal sealed record WorkerView(int Number, WorkerState State, long Merged, int Waiting, int References);

/// <summary>The run at a moment.</summary>
/// <param name="Merged">Events, since the start.</param>
/// <param name="Writes">Resources written to the server, since the start.</param>
/// <param name="Sessions">Completed sessions, since the start.</param>
/// <param name="Open">Sessions that are open on the server.</param>
/// <param name="Sealed">Sessions on their way to the database.</param>
internal sealed record DemoView(TimeSpan Elapsed, long Merged, long Writes, int Sessions, int Open, int Sealed, IReadOnlyList<WorkerView> Workers);
