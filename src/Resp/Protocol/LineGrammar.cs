namespace Sluice.Resp;

/// <summary>
/// What may stand between type and line break for all lines that are not text, one byte at a time, so that a line may be cut anywhere: integers, lengths and counts,
/// doubles, big numbers, booleans, and those that are empty.
/// </summary>
internal struct LineGrammar
{
    private Step _step;
    private bool _negative;
    private ulong _magnitude;

    private enum Step : byte
    {
        Start,
        Sign,
        Minus,
        Digits,
        End,
        Null,
        Streamed,
        Point,
        Fraction,
        Exponent,
        ExponentSign,
        ExponentDigits,
        I,
        In,
        N,
        Na,
    }

    /// <summary>RESP2's null: a length or count of -1.</summary>
    public readonly bool IsNull => _step == Step.Null;

    /// <summary>A length or count that isn't known yet.</summary>
    public readonly bool IsStreamed => _step == Step.Streamed;

    /// <summary>The length or count; long.MaxValue for all that are larger.</summary>
    public readonly long Number => (long)Math.Min(_magnitude, long.MaxValue);

    /// <summary>Whether the line break may come now.</summary>
    public readonly bool MayEnd(byte token) => token switch
    {
        (byte)'_' or (byte)'.' => _step == Step.Start,
        (byte)',' => _step is Step.Digits or Step.Fraction or Step.ExponentDigits or Step.End,
        _ => _step is Step.Digits or Step.End or Step.Null or Step.Streamed,
    };

    /// <summary>Takes the next byte of the line, or refuses it.</summary>
    public bool Take(byte token, byte b) => token switch
    {
        (byte)':' => TakeInteger(b),
        (byte)',' => TakeDouble(b),
        (byte)'(' => TakeBigNumber(b),
        (byte)'#' => _step == Step.Start && b is (byte)'t' or (byte)'f' && To(Step.End),
        (byte)'_' or (byte)'.' => false,
        _ => TakeLength(token, b),
    };

    /// <summary>What is wrong with a line of this type that was refused.</summary>
    public static string Describe(byte token) => token switch
    {
        (byte)':' => "Not an integer of 64 bits",
        (byte)',' => "Not a double",
        (byte)'(' => "Not a big number",
        (byte)'#' => "Not a boolean",
        (byte)'_' => "A null that is not empty",
        (byte)'.' => "An end of a streamed aggregate that is not empty",
        (byte)'*' or (byte)'~' or (byte)'%' or (byte)'|' or (byte)'>' => "Not a number of elements",
        _ => "Not a length",
    };

    private static bool IsDigit(byte b) => (uint)(b - '0') <= 9;

    private bool To(Step step)
    {
        _step = step;
        return true;
    }

    private bool TakeInteger(byte b)
    {
        if (IsDigit(b))
        {
            uint digit = (uint)(b - '0');
            ulong limit = _negative ? 1UL << 63 : long.MaxValue;
            if (_magnitude > (limit - digit) / 10)
                return false;
            _magnitude = (_magnitude * 10) + digit;
            return To(Step.Digits);
        }

        if (_step != Step.Start || b is not ((byte)'-' or (byte)'+'))
            return false;
        _negative = b == '-';
        return To(Step.Sign);
    }

    private bool TakeLength(byte token, byte b)
    {
        switch (_step)
        {
            case Step.Start or Step.Digits when IsDigit(b):
                // Larger than any limit is all that matters from here on.
                _magnitude = _magnitude > long.MaxValue / 20 ? long.MaxValue : (_magnitude * 10) + (uint)(b - '0');
                return To(Step.Digits);
            case Step.Start when b == '-' && token is (byte)'$' or (byte)'*':
                return To(Step.Minus);
            case Step.Start when b == '?' && token is (byte)'$' or (byte)'*' or (byte)'~' or (byte)'%':
                return To(Step.Streamed);
            case Step.Minus when b == '1':
                return To(Step.Null);
            default:
                return false;
        }
    }

    private bool TakeBigNumber(byte b)
    {
        if (IsDigit(b))
            return To(Step.Digits);
        return _step == Step.Start && b is (byte)'-' or (byte)'+' && To(Step.Sign);
    }

    private bool TakeDouble(byte b) => _step switch
    {
        Step.Start => b switch
        {
            (byte)'-' => To(Step.Minus),
            (byte)'+' => To(Step.Sign),
            _ => TakeFirstOfDouble(b),
        },
        Step.Minus => TakeFirstOfDouble(b),
        Step.Sign => IsDigit(b) && To(Step.Digits),
        Step.Digits => IsDigit(b) || (b == '.' ? To(Step.Point) : b is (byte)'e' or (byte)'E' && To(Step.Exponent)),
        Step.Point => IsDigit(b) && To(Step.Fraction),
        Step.Fraction => IsDigit(b) || (b is (byte)'e' or (byte)'E' && To(Step.Exponent)),
        Step.Exponent => b is (byte)'-' or (byte)'+' ? To(Step.ExponentSign) : IsDigit(b) && To(Step.ExponentDigits),
        Step.ExponentSign => IsDigit(b) && To(Step.ExponentDigits),
        Step.ExponentDigits => IsDigit(b),
        Step.I => b == 'n' && To(Step.In),
        Step.In => b == 'f' && To(Step.End),
        Step.N => b == 'a' && To(Step.Na),
        Step.Na => b == 'n' && To(Step.End),
        _ => false,
    };

    private bool TakeFirstOfDouble(byte b) => b switch
    {
        (byte)'i' => To(Step.I),
        (byte)'n' => To(Step.N),
        _ => IsDigit(b) && To(Step.Digits),
    };
}
