using System.Text;

namespace Sluice.Resp;

/// <summary>
/// The bytes with which every call of one command begins, made once: <c>*3\r\n$6\r\nINCRBY\r\n</c>. Immutable; make it static.
/// </summary>
public sealed class RespCommandPrefix
{
    private readonly byte[] _bytes;

    /// <summary>Makes the prefix.</summary>
    /// <param name="name">The command's name; words of a subcommand separated by a space become arguments of their own.</param>
    /// <param name="argumentCount">Arguments that follow the name.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    public RespCommandPrefix(string name, int argumentCount)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfNegative(argumentCount);
        string[] words = name.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Name = name;
        Need = ConnectionCommands.NeedOf(name);
        ArgumentCount = argumentCount;
        StringBuilder frame = new();
        frame.Append('*').Append(words.Length + argumentCount).Append("\r\n");
        foreach (string word in words)
            frame.Append('$').Append(Encoding.UTF8.GetByteCount(word)).Append("\r\n").Append(word).Append("\r\n");
        _bytes = Encoding.UTF8.GetBytes(frame.ToString());
    }

    /// <summary>The command's name.</summary>
    public string Name { get; }

    /// <summary>Arguments that have to follow.</summary>
    public int ArgumentCount { get; }

    /// <summary>What it asks of its connection.</summary>
    internal ConnectionNeed Need { get; init; }

    /// <summary>What is sent.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;
}
