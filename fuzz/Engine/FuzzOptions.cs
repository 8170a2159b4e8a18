namespace Sluice.Fuzz.Engine;

/// <summary>How long and on what.</summary>
/// <param name="Seconds">Of wall time.</param>
/// <param name="Executions">At most.</param>
/// <param name="Seed">Of all random choices.</param>
/// <param name="MaxLength">Of an input, in bytes.</param>
/// <param name="Seeds">Folders with inputs to begin with.</param>
/// <param name="Work">Folder for what was learned; the next run begins with it.</param>
/// <param name="StopsAtFinding">Ends with the first finding.</param>
internal sealed record FuzzOptions(double Seconds, long Executions, ulong Seed, int MaxLength, IReadOnlyList<string> Seeds, string Work, bool StopsAtFinding);
