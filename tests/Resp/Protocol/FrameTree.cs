using System.Globalization;
using System.Text;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>What the generator may put into a frame.</summary>
[Flags]
internal enum FrameFeatures
{
    Resp2 = 0,

    /// <summary>The types of RESP3 of known length.</summary>
    Resp3 = 1,
    Attributes = 2,
    Streamed = 4,

    /// <summary>Pushes inside aggregates.</summary>
    NestedPushes = 8,

    /// <summary>Plus signs and leading zeros.</summary>
    OddNumbers = 16,

    /// <summary>Keys of maps are strings and different from one another; members of sets are strings.</summary>
    DistinctKeys = 32,
    All = Resp3 | Attributes | Streamed | NestedPushes | OddNumbers,
}

/// <summary>Random valid frames: bytes that are written straight from random choices, so that no reader's idea of the grammar takes part.</summary>
internal sealed class FrameTree(Random random, FrameFeatures features, int maxDepth)
{
    private readonly List<byte> _bytes = [];
    private int _budget;
    private int _keys;

    public byte[] Next(bool push = false)
    {
        _bytes.Clear();
        _budget = random.Next(1, 40);
        if (push)
            WriteItems('>', random.Next(0, 4), depth: 0, aside: true);
        else
            WriteValue(0, aside: false);
        return [.. _bytes];
    }

    private bool Has(FrameFeatures feature) => features.HasFlag(feature);

    private bool Chance(int percent) => random.Next(100) < percent;

    private void WriteValue(int depth, bool aside)
    {
        if (Has(FrameFeatures.NestedPushes) && depth > 0 && depth < maxDepth && !aside && Chance(4))
            WriteItems('>', random.Next(0, 3), depth, aside: true);
        if (Has(FrameFeatures.Attributes) && depth < maxDepth && Chance(6))
            WriteItems('|', random.Next(0, 3), depth, aside: true);
        _budget--;
        if (depth < maxDepth && _budget > 0 && Chance(35))
            WriteAggregate(depth, aside);
        else
            WriteScalar();
    }

    private void WriteAggregate(int depth, bool aside)
    {
        char type = Has(FrameFeatures.Resp3) ? "*~%"[random.Next(3)] : '*';
        int items = Math.Min(random.Next(0, 6), Math.Max(0, _budget));
        if (Has(FrameFeatures.Streamed) && Chance(25))
        {
            Write($"{type}?\r\n");
            WriteChildren(type, items, depth, aside);
            Write(".\r\n");
            return;
        }

        WriteItems(type, items, depth, aside);
    }

    private void WriteItems(char type, int items, int depth, bool aside)
    {
        Write($"{type}{Zeros()}{items}\r\n");
        WriteChildren(type, items, depth, aside);
    }

    private void WriteChildren(char type, int items, int depth, bool aside)
    {
        for (int i = 0; i < items; i++)
        {
            if (type is '%' or '|')
                WriteKey(depth + 1, aside);
            if (type == '~' && Has(FrameFeatures.DistinctKeys))
                WriteBulk('$', RandomContent());
            else
                WriteValue(depth + 1, aside);
        }
    }

    private void WriteKey(int depth, bool aside)
    {
        if (Has(FrameFeatures.DistinctKeys))
            WriteBulk('$', Encoding.ASCII.GetBytes($"k{_keys++}"));
        else
            WriteValue(depth, aside);
    }

    private void WriteScalar()
    {
        switch (random.Next(Has(FrameFeatures.Resp3) ? 14 : 7))
        {
            case 0:
                Write($"+{RandomLine()}\r\n");
                break;
            case 1:
                Write($"-{(Chance(50) ? "ERR " : "")}{RandomLine()}\r\n");
                break;
            case 2 or 3:
                Write($":{RandomInteger()}\r\n");
                break;
            case 4:
                Write(Chance(50) ? "$-1\r\n" : "*-1\r\n");
                break;
            case 5 or 6:
                WriteString();
                break;
            case 7:
                Write("_\r\n");
                break;
            case 8:
                Write(Chance(50) ? "#t\r\n" : "#f\r\n");
                break;
            case 9 or 10:
                Write($",{RandomDouble()}\r\n");
                break;
            case 11:
                Write($"({(Chance(30) ? "-" : "")}{random.Next(1, 10)}{Digits(random.Next(0, 45))}\r\n");
                break;
            case 12:
                WriteBulk('!', RandomContent());
                break;
            default:
                WriteBulk('=', [.. "txt:"u8, .. RandomContent()]);
                break;
        }
    }

    private void WriteString()
    {
        if (!Has(FrameFeatures.Streamed) || Chance(75))
        {
            WriteBulk('$', RandomContent());
            return;
        }

        Write("$?\r\n");
        for (int chunks = random.Next(0, 4); chunks > 0; chunks--)
        {
            if (RandomContent() is { Length: > 0 } content)
                WriteBulk(';', content);
        }

        Write(";0\r\n");
    }

    private void WriteBulk(char type, byte[] content)
    {
        Write($"{type}{Zeros()}{content.Length}\r\n");
        _bytes.AddRange(content);
        Write("\r\n");
    }

    private byte[] RandomContent()
    {
        byte[] content = new byte[Chance(5) ? random.Next(100, 300) : random.Next(0, 12)];
        random.NextBytes(content);

        // What looks like protocol is the most dangerous content.
        for (int i = 0; i < content.Length; i++)
        {
            if (Chance(60))
                content[i] = (byte)"\r\n$*;.:+-0123|>"[random.Next(15)];
        }

        return content;
    }

    private string RandomLine() => string.Concat(Enumerable.Range(0, random.Next(0, 10)).Select(_ => (char)random.Next(0x20, 0x7F)));

    private string RandomInteger()
    {
        long magnitude = random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(0, 64);
        if (!Has(FrameFeatures.OddNumbers))
            return magnitude.ToString(CultureInfo.InvariantCulture);
        string sign = magnitude < 0 ? "-" : Chance(20) ? "+" : "";
        return sign + Zeros() + magnitude.ToString(CultureInfo.InvariantCulture).TrimStart('-');
    }

    private string RandomDouble() => random.Next(8) switch
    {
        0 => "inf",
        1 => "-inf",
        2 => Chance(50) || !Has(FrameFeatures.OddNumbers) ? "nan" : "-nan",
        3 => random.Next().ToString(CultureInfo.InvariantCulture),
        4 => $"{Digits(random.Next(1, 30))}.{Digits(random.Next(1, 30))}",
        5 => $"-{Digits(1)}.{Digits(5)}e{(Chance(50) ? "-" : "+")}{random.Next(0, 320)}",
        _ => (random.NextDouble() * Math.Pow(10, random.Next(-20, 20))).ToString("R", CultureInfo.InvariantCulture),
    };

    private string Zeros() => Has(FrameFeatures.OddNumbers) && Chance(5) ? new string('0', random.Next(1, 25)) : "";

    private string Digits(int count) => string.Concat(Enumerable.Range(0, count).Select(_ => (char)('0' + random.Next(10))));

    private void Write(string latin1) => _bytes.AddRange(Encoding.Latin1.GetBytes(latin1));
}
