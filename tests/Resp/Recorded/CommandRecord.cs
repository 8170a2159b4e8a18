using System.Globalization;
using System.Numerics;

namespace Sluice.Resp.Tests.Recorded;

/// <summary>What a caller knows of a command.</summary>
internal enum Knowledge : byte
{
    /// <summary>Nothing: nobody sent it.</summary>
    None,

    /// <summary>Its own reply came.</summary>
    Succeeded,

    /// <summary>It failed, and did not run.</summary>
    NotSent,

    /// <summary>It failed, and may have run.</summary>
    Unknown,
}

/// <summary>Numbered commands, what each is answered with, and what its caller knows in the end. Thread-safe; each number has one caller.</summary>
internal sealed class CommandRecord(int commands)
{
    private readonly Knowledge[] _known = new Knowledge[commands];
    private long _next = -1;
    private long _right;
    private long _wrong;
    private long _corrupted;
    private long _cancelled;
    private long _late;
    private string _finding = "";

    public int Commands => commands;

    public long Right => Interlocked.Read(ref _right);

    public long Wrong => Interlocked.Read(ref _wrong);

    public long Corrupted => Interlocked.Read(ref _corrupted);

    public long Cancelled => Interlocked.Read(ref _cancelled);

    public long Late => Interlocked.Read(ref _late);

    /// <summary>What must not be, the last of it; empty when there was nothing.</summary>
    public string Finding => Volatile.Read(ref _finding);

    public Knowledge this[int number] => _known[number];

    /// <summary>A text that no other command has, and that no single changed bit turns into that of another one.</summary>
    public static string TextOf(int number) => string.Create(CultureInfo.InvariantCulture, $"val:{number}:{BitOperations.RotateLeft((uint)number * 0x9E3779B1u, 13):x8}");

    /// <summary>A number of 32 bits that no other command has; never 0.</summary>
    public static long NumberOf(int number) => unchecked(((uint)number + 1) * 0x9E3779B1u);

    /// <summary>So many numbers in a row.</summary>
    /// <returns>False when there are none left.</returns>
    public bool TryTake(int count, out int first)
    {
        long last = Interlocked.Add(ref _next, count);
        first = (int)Math.Min(int.MaxValue, last - count + 1);
        return last < commands;
    }

    public void Answered(int number, bool isOwn, object? reply)
    {
        _known[number] = Knowledge.Succeeded;
        if (isOwn)
        {
            Interlocked.Increment(ref _right);
            return;
        }

        Interlocked.Increment(ref _wrong);
        Found($"Command {number} got '{reply}'.");
    }

    /// <summary>A reply over a connection that changes bytes: a text that is nobody's was this command's all the same.</summary>
    public void AnsweredPerhapsDamaged(int number, string? reply)
    {
        if (string.Equals(reply, TextOf(number), StringComparison.Ordinal) || IsSomebodys(reply))
        {
            Answered(number, string.Equals(reply, TextOf(number), StringComparison.Ordinal), reply);
            return;
        }

        _known[number] = Knowledge.Succeeded;
        Interlocked.Increment(ref _corrupted);
    }

    public void Failed(int number, Exception failure, bool perhapsDamaged)
    {
        _known[number] = failure switch
        {
            RespConnectionException { Outcome: CommandOutcome.NotSent } or RespTimeoutException { Outcome: CommandOutcome.NotSent } or RespOverloadException => Knowledge.NotSent,
            _ => Knowledge.Unknown,
        };
        if (failure is OperationCanceledException)
            Interlocked.Increment(ref _cancelled);
        else if (failure is RespTimeoutException)
            Interlocked.Increment(ref _late);
        else if (failure is RespConnectionException or RespOverloadException)
            return;
        else if (perhapsDamaged && failure is RespException)
            Interlocked.Increment(ref _corrupted);
        else
            Found($"Command {number} failed with {failure.GetType().Name}: {failure.Message}");
    }

    public void Found(string finding) => Volatile.Write(ref _finding, finding);

    private static bool IsSomebodys(string? value) =>
        value?.Split(':') is ["val", string number, _] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && string.Equals(TextOf(n), value, StringComparison.Ordinal);
}
