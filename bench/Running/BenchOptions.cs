using System.Globalization;

namespace Sluice.Bench.Running;

/// <summary>The command line: <c>SCENARIO [--quick] [--json] [--record] [--results FOLDER] [--enforce] [--redis URL] [--case TEXT] [--seed N]</c>.</summary>
internal sealed record BenchOptions
{
    /// <summary>The scenario's name, or empty.</summary>
    public string Scenario { get; private init; } = "";

    /// <summary>At most 90 s a scenario: only the cases that carry a target, short runs.</summary>
    public bool Quick { get; private init; }

    /// <summary>One JSON object a line instead of a table.</summary>
    public bool Json { get; private init; }

    /// <summary>Keeps the figures, with what they depend on, in <see cref="Results"/>.</summary>
    public bool Record { get; private init; }

    /// <summary>The folder of kept figures.</summary>
    public string Results { get; private init; } = "bench/results";

    /// <summary>A missed target makes the exit status 1.</summary>
    public bool Enforce { get; private init; }

    /// <summary>A server to use instead of a private one, or null.</summary>
    public string? Redis { get; private init; }

    /// <summary>Only the cases whose names contain this.</summary>
    public string Case { get; private init; } = "";

    /// <summary>Of keys and of everything else that is random.</summary>
    public ulong Seed { get; private init; } = 20_260_101;

    /// <summary>How many times each variant is measured, in turn: every round gives one pair for each comparison.</summary>
    public int Pairs => Quick ? 5 : 9;

    /// <summary>How long one measurement lasts at least.</summary>
    public TimeSpan RunDuration => Quick ? TimeSpan.FromMilliseconds(500) : TimeSpan.FromSeconds(2);

    /// <summary>Reads the command line.</summary>
    /// <exception cref="UsageException">It says what is wrong.</exception>
    public static BenchOptions Parse(IReadOnlyList<string> arguments)
    {
        BenchOptions options = new();
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            options = argument switch
            {
                "--quick" => options with { Quick = true },
                "--json" => options with { Json = true },
                "--enforce" => options with { Enforce = true },
                "--record" => options with { Record = true },
                "--results" => options with { Results = Value(arguments, ref i) },
                "--redis" => options with { Redis = Value(arguments, ref i) },
                "--case" => options with { Case = Value(arguments, ref i) },
                "--seed" => options with { Seed = ParseSeed(Value(arguments, ref i)) },
                _ when argument.StartsWith('-') => throw new UsageException($"There is no option '{argument}'."),
                _ when options.Scenario.Length == 0 => options with { Scenario = argument },
                _ => throw new UsageException($"One scenario at a time: '{options.Scenario}' and '{argument}' were given."),
            };
        }

        return options;
    }

    /// <summary>The value that follows the option at <paramref name="index"/>.</summary>
    internal static string Value(IReadOnlyList<string> arguments, ref int index) =>
        index + 1 < arguments.Count ? arguments[++index] : throw new UsageException($"{arguments[index]} needs a value.");

    /// <summary>A seed as it is written on the command line.</summary>
    internal static ulong ParseSeed(string text) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
        ? seed
        : throw new UsageException($"--seed takes a whole number from 0 to {ulong.MaxValue}, not '{text}'.");
}

/// <summary>The command line cannot be obeyed; the message is for whoever typed it.</summary>
internal sealed class UsageException(string message) : Exception(message);
