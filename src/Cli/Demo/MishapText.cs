using Sluice.Cli.Arguments;

namespace Sluice.Cli.Demo;

/// <summary>Mishaps as people type them.</summary>
internal static class MishapText
{
    public const string OfServers = "kill,pause,disconnect";
    public const string Embedded = OfServers + ",rollback,sink";

    /// <summary>Reads a list.</summary>
    /// <param name="text">Null: all that there are.</param>
    /// <param name="isEmbedded">Whether the workers share the embedded coordinator.</param>
    /// <exception cref="BadArgumentException">One of them is none, or not to be had here.</exception>
    public static IReadOnlyList<Mishap> Parse(string? text, bool isEmbedded)
    {
        List<Mishap> mishaps = [];
        foreach (string name in (text ?? (isEmbedded ? Embedded : OfServers)).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (name != "none")
                mishaps.Add(One(name, isEmbedded));
        }

        return mishaps;
    }

    private static Mishap One(string name, bool isEmbedded) => (name, isEmbedded) switch
    {
        ("kill", _) => Mishap.Kill,
        ("pause", false) when OperatingSystem.IsWindows() => throw new BadArgumentException("--chaos pause needs signals, which this system has not"),
        ("pause", _) => Mishap.Pause,
        ("disconnect", _) => Mishap.Disconnect,
        ("rollback", true) => Mishap.Rollback,
        ("sink", true) => Mishap.Sink,
        ("rollback" or "sink", false) => throw new BadArgumentException($"--chaos {name} can't be done to a server: leave --redis away to see it on the embedded coordinator"),
        _ => throw new BadArgumentException($"--chaos '{name}' is not valid: give {(isEmbedded ? Embedded : OfServers)}, some of them with commas, or none"),
    };
}
