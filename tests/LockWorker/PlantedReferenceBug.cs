namespace Sluice.LockWorker;

/// <summary>What references may get wrong: the judge of their histories has to find each.</summary>
public static class PlantedReferenceBug
{
    /// <summary>In the script: everybody who lets go is told to be the last.</summary>
    public const string EverybodyIsLast = "everybody-is-last";

    /// <summary>In the script: the callback of a generation begins although the one before it has not ended.</summary>
    public const string Overtaking = "overtaking";

    /// <summary>A callback that is due is not run, and counts as run.</summary>
    public const string Forgotten = "forgotten";

    /// <summary>A callback that has succeeded runs once more.</summary>
    public const string Twice = "twice";

    /// <summary>A callback is given an old token.</summary>
    public const string OldToken = "old-token";

    public static IReadOnlyList<string> All { get; } = [EverybodyIsLast, Overtaking, Forgotten, Twice, OldToken];

    public static string Rewrite(string? bug, string script, string source) => (bug, script) switch
    {
        (EverybodyIsLast, "flush") => Replace(source, "local last_out = claim_lease and was and not holds and holders == 0", "local last_out = claim_lease and was and not holds"),
        (Overtaking, "flush") => Replace(source, "last_out and not call('HGET', KEYS[10], resource)", "last_out"),
        _ => source,
    };

    private static string Replace(string source, string right, string wrong) =>
        source.Contains(right, StringComparison.Ordinal) ? source.Replace(right, wrong, StringComparison.Ordinal) : throw new InvalidOperationException($"The script does not say '{right}'.");
}
