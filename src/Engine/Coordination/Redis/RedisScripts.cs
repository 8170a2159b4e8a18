using System.Reflection;
using System.Text;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>The scripts: one file per transition, in front of each what it shares with others. Immutable and thread-safe.</summary>
internal sealed class RedisScripts
{
    /// <param name="rewrite">Changes the text of every script before it is used; null: nothing. For tests that drive the server's clock, or plant a bug.</param>
    public RedisScripts(Func<string, string, string>? rewrite = null)
    {
        Flush = Make("flush", rewrite, "fields", "merge", "opaque", "keep");
        Claim = Make("claim", rewrite);
        Acknowledge = Make("acknowledge", rewrite, "release");
        Extend = Make("extend", rewrite);
        Abandon = Make("abandon", rewrite, "release");
        Beat = Make("beat", rewrite, "expired");
        Poke = Make("poke", rewrite, "expired");
        Reap = Make("reap", rewrite, "fence");
        Leave = Make("leave", rewrite, "fence");
        End = Make("end", rewrite);
        Compact = Make("compact", rewrite, "fields", "merge", "opaque");
        Peek = Make("peek", rewrite);
        Holders = Make("holders", rewrite);
        Members = Make("members", rewrite);
        Sealed = Make("sealed", rewrite);
        DeadLetters = Make("deadletters", rewrite);
        Replay = Make("replay", rewrite, "fields", "merge");
        Purge = Make("purge", rewrite, "release");
        Snapshot = Make("snapshot", rewrite);
    }

    /// <summary>As they are shipped.</summary>
    public static RedisScripts Shipped { get; } = new();

    public Script Flush { get; }

    public Script Claim { get; }

    public Script Acknowledge { get; }

    public Script Extend { get; }

    public Script Abandon { get; }

    public Script Beat { get; }

    public Script Poke { get; }

    public Script Reap { get; }

    public Script Leave { get; }

    public Script End { get; }

    public Script Compact { get; }

    public Script Peek { get; }

    public Script Holders { get; }

    public Script Members { get; }

    public Script Sealed { get; }

    public Script DeadLetters { get; }

    public Script Replay { get; }

    public Script Purge { get; }

    public Script Snapshot { get; }

    /// <summary>Makes a script of its file and of what it shares with others.</summary>
    /// <param name="room">What the names of the files begin with, which scripts of one name in two rooms have different.</param>
    /// <param name="name">The file of the transition.</param>
    /// <param name="rewrite">As for the constructor.</param>
    /// <param name="shared">The files in front of it.</param>
    internal static Script Make(string room, string name, Func<string, string, string>? rewrite, params ReadOnlySpan<string> shared)
    {
        StringBuilder text = new();
        foreach (string part in shared)
            text.Append(Read(room + part));
        text.Append(Read(room + name));
        string source = text.ToString();
        return new Script(rewrite is null ? source : rewrite(name, source), "sluice." + room + name);
    }

    private static Script Make(string name, Func<string, string, string>? rewrite, params ReadOnlySpan<string> shared) => Make("", name, rewrite, ["prelude", .. shared]);

    private static string Read(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Sluice.Scripts.{name}.lua")
            ?? throw new InvalidOperationException($"The script {name}.lua is not in the assembly.");
        using StreamReader reader = new(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
