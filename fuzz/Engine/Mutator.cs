using System.Globalization;
using System.Text;

namespace Sluice.Fuzz.Engine;

/// <summary>Changes an input: some small damages on top of one another, with the words and the numbers of the protocol, and with pieces of other inputs.</summary>
internal sealed class Mutator(Chance chance, int maxLength)
{
    private static readonly byte[][] Words = [.. new[]
    {
        "\r\n", "\r", "\n", "+", "-", ":", "$", "*", "_\r\n", "#t\r\n", "#f\r\n", ",", "(", "!", "=", "%", "~", "|", ">", ";", ".\r\n", "?", "-1", "0", "1", "2", "e", "inf", "-inf", "nan", "-nan", "e-5", ".5",
        "+OK\r\n", "-ERR x\r\n", ":1\r\n", ":-7\r\n", "$0\r\n\r\n", "$1\r\na\r\n", "$-1\r\n", "$?\r\n", ";1\r\na\r\n", ";0\r\n", "!3\r\nabc\r\n", "=4\r\ntxt:\r\n", "=5\r\nmkd:x\r\n", "(12345678901234567890\r\n", ",1.5\r\n",
        "*0\r\n", "*1\r\n", "*2\r\n", "*-1\r\n", "*?\r\n", "%0\r\n", "%1\r\n", "%?\r\n", "~1\r\n", "~?\r\n", "|0\r\n", "|1\r\n", "|1\r\n+a\r\n:1\r\n", ">0\r\n", ">1\r\n+p\r\n", ">2\r\n",
        "\0", "MOVED 1 a:1", "ASK 1 [::1]:2", "REDIRECT h:1", "ERR Error running script x: -MOVED 1 h:2 ", "READONLY ", "9223372036854775807", "9223372036854775808", "2147483647", "536870913",
    }.Select(Encoding.Latin1.GetBytes)];

    private static readonly long[] Numbers = [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 20, 21, 31, 32, 33, 63, 64, 65, 100, 119, 120, 121, 255, 256, 1023, 4096, 65535, 65536, 65537, 1048576, 1048577, 536870912, 536870913, int.MaxValue, 2147483648, uint.MaxValue, long.MaxValue];

    private readonly byte[] _bytes = new byte[maxLength];
    private int _length;

    /// <summary>A changed copy, valid until the next call.</summary>
    public ReadOnlySpan<byte> Change(byte[] input, Corpus others)
    {
        _length = Math.Min(input.Length, maxLength);
        input.AsSpan(0, _length).CopyTo(_bytes);
        int changes = 1 << chance.Below(5);
        for (int i = 0; i < changes; i++)
            ChangeOnce(others);
        return _bytes.AsSpan(0, _length);
    }

    private void ChangeOnce(Corpus others)
    {
        int at = chance.Below(_length + 1);
        int some = Math.Min(1 + chance.Below(1 << chance.Below(8)), _length - at);
        switch (chance.Below(14))
        {
            case 0 when _length > at:
                _bytes[at] ^= (byte)(1 << chance.Below(8));
                break;
            case 1 when _length > at:
                _bytes[at] = (byte)chance.Below(256);
                break;
            case 2 when _length > at:
                _bytes[at] = (byte)(_bytes[at] + (chance.OneIn(2) ? 1 : -1));
                break;
            case 3 or 4:
                Replace(at, 0, Words[chance.Below(Words.Length)]);
                break;
            case 5:
                byte[] word = Words[chance.Below(Words.Length)];
                Replace(at, Math.Min(word.Length, _length - at), word);
                break;
            case 6:
                Replace(at, some, []);
                break;
            case 7:
                Replace(chance.Below(_length + 1), 0, _bytes.AsSpan(at, some).ToArray());
                break;
            case 8 or 9:
                Splice(at, others.PickAny(chance));
                break;
            case 10 or 11:
                ChangeNumber(at);
                break;
            case 12 when chance.OneIn(4):
                Repeat(at, some);
                break;
            case 13 when chance.OneIn(4):
                _length = at;
                break;
            default:
                ChangeLength(at);
                break;
        }
    }

    private void Splice(int at, byte[] other)
    {
        int from = chance.Below(other.Length + 1);
        int length = chance.Below(other.Length - from + 1);
        Replace(at, chance.OneIn(2) ? 0 : Math.Min(length, _length - at), other.AsSpan(from, length));
    }

    // Depth, many elements, long strings.
    private void Repeat(int at, int length)
    {
        byte[] piece = _bytes.AsSpan(at, length).ToArray();
        for (int times = chance.Below(2 << chance.Below(9)); times > 0; times--)
            Replace(at, 0, piece);
    }

    // The next number in decimal becomes another one.
    private void ChangeNumber(int at)
    {
        if (!FindDigits(at, out int first, out int count))
            return;
        long value = count > 18 ? long.MaxValue : long.Parse(_bytes.AsSpan(first, count), CultureInfo.InvariantCulture);
        long changed = chance.Below(4) switch
        {
            0 => Numbers[chance.Below(Numbers.Length)],
            1 => value + 1,
            2 => value - 1,
            _ => value + chance.Below(20) - 10,
        };
        string text = changed.ToString(CultureInfo.InvariantCulture);
        Replace(first, count, Encoding.Latin1.GetBytes(chance.OneIn(16) ? new string('0', chance.Below(70)) + text : text));
    }

    // The next length becomes true: without that, hardly a change inside a string survives.
    private void ChangeLength(int at)
    {
        int type = _bytes.AsSpan(at, _length - at).IndexOfAny("$!=;"u8);
        if (type < 0 || !FindDigits(at + type, out int first, out int count) || first != at + type + 1)
            return;
        int content = first + count + 2;
        if (content > _length)
            return;
        int length = _bytes.AsSpan(content, _length - content).IndexOf("\r\n"u8);
        if (length >= 0)
            Replace(first, count, Encoding.Latin1.GetBytes(length.ToString(CultureInfo.InvariantCulture)));
    }

    private bool FindDigits(int at, out int first, out int count)
    {
        ReadOnlySpan<byte> bytes = _bytes.AsSpan(0, _length);
        int skip = bytes[at..].IndexOfAnyInRange((byte)'0', (byte)'9');
        first = at + Math.Max(skip, 0);
        count = bytes[first..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (count < 0)
            count = _length - first;
        return skip >= 0;
    }

    private void Replace(int at, int length, ReadOnlySpan<byte> by)
    {
        int grown = _length - length + by.Length;
        if (grown > maxLength)
            return;
        _bytes.AsSpan((at + length).._length).CopyTo(_bytes.AsSpan(at + by.Length));
        by.CopyTo(_bytes.AsSpan(at));
        _length = grown;
    }
}
